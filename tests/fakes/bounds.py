"""Between which offsets partitions lie, as a test says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

from headwater.errors import Transient
from headwater.kafka.bounds import Bounds, Partition
from headwater.standstill import Standstill


class MemoryBounds:
    """`Asked` of what a test sets, and else of empty partitions; `away`: no broker answers."""

    def __init__(self, bounds: Mapping[Partition, Bounds] | None = None) -> None:
        self.bounds: dict[Partition, Bounds] = dict(bounds or {})
        self.away = False
        self.closed = False

    def of(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        if self.away:
            raise Transient("no broker answers")
        return {each: self.bounds.get(each, Bounds(0, 0)) for each in partitions}

    def close(self) -> None:
        self.closed = True


def watched(stream: str, asked: MemoryBounds) -> Standstill:
    """A watchdog for whose clock a second passes with each look; `asked` is asked once it looks.

    Answers count for ever: the clock runs ahead of the thread that asks.
    """
    seconds = count()
    return Standstill(f"reading {stream}", asked, lambda: float(next(seconds)), float("inf"))
