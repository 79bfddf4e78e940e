"""A reader that stands still without a reason: pure, one thread.

Partitions are assigned, messages wait, nothing of ours keeps them from being read, and none comes. librdkafka
gets over what brokers do by itself; where it does not, only a new process helps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connectors.clickhouse.sink.messages import Partition


@dataclass(slots=True)
class _Seen:
    position: int
    since: float


class Watchdog:
    """`seconds` is how long a partition may stand still although messages wait in it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._seen: dict[Partition, _Seen] = {}
        self._end_offsets: dict[Partition, int] = {}

    def update_end_offsets(self, end_offsets: Mapping[Partition, int]) -> None:
        """Partitions end there, as the brokers say."""
        self._end_offsets |= end_offsets

    def look(self, now: float, positions: Mapping[Partition, int], excused: Collection[Partition]) -> None:
        """How far the assigned partitions are read. `excused`: those that are not read on purpose."""
        self._seen = {
            partition: seen
            if (seen := self._seen.get(partition)) is not None
            and seen.position == position
            and partition not in excused
            else _Seen(position, now)
            for partition, position in positions.items()
        }

    def stalled(self, now: float) -> Mapping[Partition, int]:
        """Partitions that stand still, and how many offsets wait in each."""
        return {
            partition: self._end_offsets[partition] - seen.position
            for partition, seen in self._seen.items()
            if now - seen.since >= self.seconds and self._end_offsets.get(partition, 0) > seen.position
        }
