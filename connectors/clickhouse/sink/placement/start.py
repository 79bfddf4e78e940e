"""The offset at which a partition's reading begins, and what is missing below it: pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.clickhouse.sink.messages import Partition


@dataclass(frozen=True, slots=True)
class Kept:
    """What Kafka has of a partition for this group.

    `committed` is the group's next offset, None without one; `log_start` the first offset of the log.
    """

    committed: int | None
    log_start: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages with first <= offset < end were deleted from Kafka before they were stored."""

    partition: Partition
    first: int
    end: int

    def meets(self, first: int, end: int) -> bool:
        """Whether a message of the range first <= offset < end can be among the missing ones."""
        return first < self.end and self.first < end


@dataclass(frozen=True, slots=True)
class Start:
    """Reading begins at `offset`; `gap` is what is missing below."""

    offset: int
    gap: Gap | None


def start(partition: Partition, kept: Kept, stored: int | None) -> Start:
    """Where to begin. `stored` is the offset below which ClickHouse has everything, None if it has nothing.

    The group's offset may be above it, when ClickHouse was made anew or progress was not published in time:
    what Kafka still has is read again then. It may be below it: blocks that were not shown are read again.
    """
    has = stored or 0
    wanted = 0 if kept.committed is None else min(kept.committed, has)
    offset = max(wanted, kept.log_start)
    return Start(offset, Gap(partition, has, offset) if offset > has else None)
