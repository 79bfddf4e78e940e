"""A reader that stands still without a reason: pure, one thread.

Partitions are assigned, messages wait, nothing of ours keeps them from being read, and none comes. Kafka's
clients get over what brokers do by themselves; where one does not, only a new process helps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from headwater.errors import Fatal

P = TypeVar("P", bound=tuple[str, int])
"""A partition: its topic and its number."""


@dataclass(slots=True)
class _Seen:
    position: int
    since: float


class Watchdog(Generic[P]):
    """`seconds` is how long a partition may stand still while messages wait in it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._seen: dict[P, _Seen] = {}
        self._end_offsets: dict[P, int] = {}

    def update_end_offsets(self, end_offsets: Mapping[P, int]) -> None:
        """Partitions end there, as the brokers say."""
        self._end_offsets |= end_offsets

    def further(self, fetched: Mapping[P, int], partitions: Collection[P]) -> Mapping[P, int]:
        """Ends as a reader's fetches told, and as the brokers say where that is further or all there is."""
        ends = dict(fetched)
        for each in partitions:
            if (end := self._end_offsets.get(each)) is not None:
                ends[each] = max(end, ends.get(each, 0))
        return ends

    def look(self, now: float, positions: Mapping[P, int], excused: Collection[P]) -> None:
        """How far the assigned partitions are read. `excused`: those that are not read on purpose.

        One in which nothing waits has its whole time once something does, however long it has rested.
        """
        self._seen = {
            partition: seen
            if (seen := self._seen.get(partition)) is not None
            and seen.position == position
            and self._waits(partition, position)
            and partition not in excused
            else _Seen(position, now)
            for partition, position in positions.items()
        }

    def stalled(self, now: float) -> Mapping[P, int]:
        """Partitions that stand still, and how many offsets wait in each."""
        return {
            partition: self._end_offsets[partition] - seen.position
            for partition, seen in self._seen.items()
            if now - seen.since >= self.seconds and self._waits(partition, seen.position)
        }

    def _waits(self, partition: P, position: int) -> bool:
        return self._end_offsets.get(partition, 0) > position


def stands_still(waiting: Mapping[P, int], seconds: float) -> Fatal:
    """What to end with when partitions stand still: `waiting`, how many offsets wait in each."""
    topic, number = max(waiting, key=lambda each: waiting[each])
    return Fatal(
        f"{len(waiting)} assigned partitions gave no message for {seconds:g} s although "
        f"{sum(waiting.values())} offsets wait, most of them in {topic}[{number}]",
        remedy="its supervisor starts it again and it joins its group anew, losing nothing; if that does "
        "not help, see whether the brokers that lead these partitions can be reached from here",
    )
