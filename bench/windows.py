"""Whether a record costs later what it cost at first: CPU and memory, early and late in one run."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.report import Row
from bench.stack import Stack
from topics.groups import DELIVER, SINK

EARLY: Final = (0.05, 0.15)
LATE: Final = (0.9, 1.0)
"""Shares of a run: at the later one's end there are ten times as many records as at the earlier one."""
GROWTH: Final = 1.15
_STEP_SECONDS: Final = 0.5
_PROGRESS: Final[Mapping[str, str]] = {
    "listen": "headwater_listener_events_total",
    SINK: "headwater_sink_rows_total",
}
_STAGE: Final = "headwater_stage_events_total"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process had done so far: its own work, CPU seconds, resident bytes."""

    progress: float
    cpu: float
    memory: float


class Samples:
    """Of each process what it had done, second by second."""

    def __init__(self, roles: Sequence[str]) -> None:
        self._roles = [each for each in roles if each != DELIVER]  # It has nothing to do in proportion.
        self._taken: dict[str, list[Sample]] = {}
        self._next = 0.0

    def look(self, stack: Stack) -> None:
        """Take one of each, unless that was a moment ago."""
        if time.monotonic() < self._next:
            return
        for role in self._roles:
            try:
                totals = stack.totals(role)
            except OSError:
                continue  # It is starting.
            done = totals.get(_PROGRESS.get(role, _STAGE), 0.0)  # Not there before the first.
            cpu, memory = totals["process_cpu_seconds_total"], totals["process_resident_memory_bytes"]
            self._taken.setdefault(role, []).append(Sample(done, cpu, memory))
        self._next = time.monotonic() + _STEP_SECONDS

    def rows(self, records: int) -> Iterator[Row]:
        """CPU a record and memory of all, late against early; each one's ratio in the note.

        A process that was through too soon to be looked at early is left out.
        """
        seen = {role: each for role, each in self._taken.items() if _was_seen(each)}
        if not seen:
            return
        cpu = {role: (_cpu(each, LATE), _cpu(each, EARLY)) for role, each in seen.items()}
        memory = {
            role: (_at(each, LATE[1]).memory, _at(each, sum(EARLY) / 2).memory) for role, each in seen.items()
        }
        share = (LATE[1] - LATE[0]) * records
        yield _row("own CPU, last tenth of the run", cpu, 1e6 / share, "µs/record")
        yield _row("own memory, at the end of the run", memory, 1e-6, "MB")


def _row(name: str, found: Mapping[str, tuple[float, float]], scale: float, unit: str) -> Row:
    late, early = (sum(each) * scale for each in zip(*found.values(), strict=True))
    each = ", ".join(f"{role} {after / before:.2f}" for role, (after, before) in found.items())
    return Row(
        name, late, unit, "about a tenth of it", early, f"≤ {GROWTH:.2f} ×", late <= GROWTH * early, each
    )


def _was_seen(samples: Sequence[Sample]) -> bool:
    shares = [each.progress / samples[-1].progress for each in samples] if samples[-1].progress else []
    return any(share <= EARLY[0] for share in shares) and any(
        EARLY[0] < share <= EARLY[1] for share in shares
    )


def _cpu(samples: Sequence[Sample], window: tuple[float, float]) -> float:
    return _at(samples, window[1]).cpu - _at(samples, window[0]).cpu


def _at(samples: Sequence[Sample], share: float) -> Sample:
    """What a process had done when it had that share of its work behind it, between two samples."""
    wanted = share * samples[-1].progress
    later = bisect_left(samples, wanted, key=lambda each: each.progress)
    if later == 0:
        return samples[0]
    before, after = samples[later - 1], samples[later]
    part = (wanted - before.progress) / (after.progress - before.progress)
    return Sample(
        wanted,
        before.cpu + part * (after.cpu - before.cpu),
        before.memory + part * (after.memory - before.memory),
    )
