"""Reading what a role's /metrics says: samples by name and labels, and quantiles of histograms."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_LINE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the exposition: `name{labels} value`."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Exposition:
    """All samples of one scrape."""

    samples: tuple[Sample, ...] = ()

    def select(self, name: str, **labels: str) -> Iterable[Sample]:
        """Samples called `name` whose labels include those given."""
        return (
            sample
            for sample in self.samples
            if sample.name == name and all(sample.labels.get(k) == v for k, v in labels.items())
        )

    def total(self, name: str, **labels: str) -> float:
        """Their sum; 0 when there is none."""
        return sum(sample.value for sample in self.select(name, **labels))

    def value(self, name: str, **labels: str) -> float | None:
        """The first one's value; None when there is none."""
        return next((sample.value for sample in self.select(name, **labels)), None)

    def buckets(self, name: str, **labels: str) -> dict[float, float]:
        """A histogram's cumulative counts by upper bound, summed over the other labels."""
        found: dict[float, float] = {}
        for sample in self.select(f"{name}_bucket", **labels):
            bound = float(sample.labels["le"])
            found[bound] = found.get(bound, 0.0) + sample.value
        return found


def parse(text: str) -> Exposition:
    """Parse Prometheus' text format; comments and what is not a sample are left out."""
    samples = []
    for line in text.splitlines():
        if not line or line[0] == "#":
            continue
        match = _LINE.match(line)
        if match is not None:
            labels = dict(_LABEL.findall(match[2] or ""))
            samples.append(Sample(match[1], labels, float(match[3])))
    return Exposition(tuple(samples))


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """The value below which `share` of the observations lie, by linear interpolation in its bucket.

    None without observations. What lies above the last finite bound is reported as that bound.
    """
    total = buckets.get(math.inf, 0.0)
    if total <= 0:
        return None
    wanted = share * total
    below, reached = 0.0, 0.0
    for bound in sorted(buckets):
        if buckets[bound] >= wanted:
            if math.isinf(bound):
                return below
            inside = buckets[bound] - reached
            return bound if inside <= 0 else below + (bound - below) * (wanted - reached) / inside
        below, reached = bound, buckets[bound]
    return below


def since(now: Mapping[float, float], before: Mapping[float, float]) -> dict[float, float]:
    """The observations between two scrapes of a histogram; all of `now` when the process restarted."""
    if any(now.get(bound, 0.0) < count for bound, count in before.items()):
        return dict(now)
    return {bound: count - before.get(bound, 0.0) for bound, count in now.items()}
