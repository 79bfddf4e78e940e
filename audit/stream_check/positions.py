"""Where a check begins: the start of each partition, and what is certain to be read from there on."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from audit.stream_check.algebra.asked import Range
from audit.stream_check.algebra.fronts import Front
from audit.stream_check.algebra.record import Partition
from audit.stream_check.offsets import At
from topics.coverage import BLOCKS, COVERAGE

TRANSACTION_MS: Final = 60_000
"""How long Kafka lets a stage's transaction be open: its messages lie no further apart."""


class Brokers(Protocol):
    """What is asked of the brokers: `Offsets`."""

    def earliest(self, partitions: Collection[Partition]) -> Mapping[Partition, int]: ...

    def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]: ...

    def at(self, partitions: Collection[Partition], time_ms: int) -> Mapping[Partition, At]: ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first offset to read of each partition, what lies before, and what is judged."""

    start_offsets: Mapping[Partition, int]
    fronts: Mapping[Partition, Front]
    asked: Range


def beginning(
    brokers: Brokers,
    partitions: Collection[Partition],
    *,
    since_ms: int | None,
    now_ms: int,
    first: int = 0,
    last: int | None = None,
) -> Beginning:
    """Where to begin to judge what the brokers took since a time; None: all that the topics have.

    What is read begins two transactions earlier, so that everything of the range is read as a whole, unless
    retention has taken it.
    """
    low = brokers.earliest(partitions)
    start_offsets = dict(low)
    if since_ms is not None:
        lead = max(0, since_ms - 2 * TRANSACTION_MS)
        end_offsets = brokers.end_offsets(partitions)
        for partition, found in brokers.at(partitions, lead).items():
            start_offsets[partition] = found.offset if found.offset >= 0 else end_offsets[partition]
    cut = [each for each, start in start_offsets.items() if 0 < start <= low[each]]
    kept = brokers.at(cut, 0) if cut else {}
    fronts: dict[Partition, Front] = {}
    for partition, start in start_offsets.items():
        if start == 0:
            continue
        if partition not in kept:
            fronts[partition] = Front(start, float((since_ms or 0) - TRANSACTION_MS))
        elif kept[partition].offset < 0:
            fronts[partition] = Front(start, math.inf)
        else:
            fronts[partition] = Front(start, float(kept[partition].time_ms + TRANSACTION_MS))
    spine = [front.whole_from_ms for each, front in fronts.items() if each[0] in (BLOCKS, COVERAGE)]
    asked = Range(
        since_ms=-math.inf if since_ms is None else since_ms,
        linked_from_ms=max(spine, default=-math.inf),
        compacted_before_ms=now_ms - TRANSACTION_MS,
        first=first,
        last=last,
    )
    return Beginning(start_offsets, fronts, asked)
