"""What lies before the range: where a partition begins to be read, and since when it is whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from audit.stream_check.algebra.record import Partition, Record


@dataclass(frozen=True, slots=True)
class Front:
    """The beginning of a partition. `start` is the first offset read.

    Of events that the brokers took at `whole_from_ms` or later every message of the partition is read;
    -inf where it is read from its very beginning.
    """

    start: int = 0
    whole_from_ms: float = -math.inf


class Fronts:
    """The fronts of all partitions; one that is not named begins at 0."""

    def __init__(self, fronts: Mapping[Partition, Front] | None = None) -> None:
        self._fronts = dict(fronts or {})

    def hides(
        self,
        partitions: Iterable[Partition],
        event: Record,
        begins_with: Callable[[Partition], int | None],
        offsets: Mapping[Partition, int] | None = None,
    ) -> bool:
        """Can another message of the event lie before the front of one of the partitions?

        With the event's `offsets` from coverage only those partitions count that hold any of it.
        `begins_with` tells the first sequence read of a partition. Of events up to that one the first copy
        may lie before the front, whatever the time of `event`, which may be a repeat of its own.
        """
        for partition in partitions:
            front = self._fronts.get(partition)
            if front is None or (offsets is not None and partition not in offsets):
                continue
            if front.whole_from_ms > event.time_ms:
                return True
            if offsets is not None and offsets[partition] <= front.start:
                return True
            first = begins_with(partition)
            if front.whole_from_ms > -math.inf and first is not None and event.sequence <= first:
                return True
        return False

    def from_the_beginning(self, partition: Partition) -> bool:
        """Is nothing of the partition before what is read?"""
        front = self._fronts.get(partition)
        return front is None or front.whole_from_ms == -math.inf
