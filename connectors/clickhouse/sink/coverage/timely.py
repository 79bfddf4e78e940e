"""Which blocks tell how late the line is: the next ones of the chain, written while this process runs.

Pure. The content of an old block that comes again (a repair), and what is read again after a start or to fill
the tables anew, say nothing of that: their own time was long ago.
"""

from __future__ import annotations

from connectors.clickhouse.sink.messages import Partition


class Timely:
    """Of one thread. `since` is when the process began, milliseconds since 1970."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._newest: dict[Partition, tuple[int, int]] = {}

    def follows(self, partition: Partition, mined: int, number: int, observed_at: int) -> bool:
        """Of the coverage of an applied block, each partition's in order; times in milliseconds since 1970.

        A block that comes again is in the partition that it was in.
        """
        if observed_at < self._since or (mined, number) <= self._newest.get(partition, (-1, -1)):
            return False
        self._newest[partition] = mined, number
        return True
