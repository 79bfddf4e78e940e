"""Between which offsets partitions lie, as a test says."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from headwater.errors import Transient
from headwater.kafka.bounds import Bounds, Partition


class MemoryBounds:
    """`Asked` of what a test sets; `away`: no broker answers."""

    def __init__(self, bounds: Mapping[Partition, Bounds] | None = None) -> None:
        self.bounds: dict[Partition, Bounds] = dict(bounds or {})
        self.away = False
        self.closed = False

    def of(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        if self.away:
            raise Transient("no broker answers")
        return {each: self.bounds[each] for each in partitions}

    def close(self) -> None:
        self.closed = True
