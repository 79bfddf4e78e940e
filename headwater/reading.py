"""How far a consumer is behind in its partitions, and whether it reads them: looked at once a second."""

from __future__ import annotations

from collections.abc import Mapping

from headwater import clock
from headwater.kafka.bounds import Partition
from headwater.lateness import ReportedLag
from headwater.standstill import Standstill


class Reading:
    """Of one consumer: its lag, from the assignment of a partition on, and its watchdog. One thread."""

    def __init__(self, lag: ReportedLag, still: Standstill) -> None:
        self._lag = lag
        self._still = still

    def look(
        self, end_offsets: Mapping[Partition, int | None], positions: Mapping[Partition, int], *, busy: bool
    ) -> None:
        """`end_offsets`: the assigned partitions, and where each ends by its last fetch, None before one;
        `positions`: the offset below which each is finished, where that is known since the assignment;
        `busy`: there is something in hand, and nothing is read meanwhile.

        A fetch that gets nothing tells no end, so that of the brokers counts where it is further. Raises as
        `Standstill.look`.
        """
        self._lag.keep_only(set(end_offsets))
        reached = {}
        for partition, fetched in end_offsets.items():
            told = self._still.bounds(partition)
            position = positions.get(partition, 0)
            reached[partition] = position if told is None else max(position, told.start)
            known = [end for end in (fetched, told and told.end) if end is not None]
            if known and (told is not None or partition in positions):
                self._lag.report(clock.now_ms(), *partition, reached[partition], max(known))
        self._still.look(reached, busy=busy)
