"""How far a consumer is behind in a partition, in messages and in seconds, as it reports it itself."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from headwater.metrics.consumers import (
    CONSUMER_LAG,
    CONSUMER_LAG_SECONDS,
    CONSUMER_MESSAGES,
    CONSUMER_REBALANCES,
)

_REMEMBERED: Final = 512


@dataclass(slots=True)
class Lateness:
    """How long the first message of a partition has waited that is not finished. Pure; one thread.

    Two things tell it: the brokers' time of what was received and is not finished; and, of what was not
    received yet, when the partition's end was first seen beyond it, which is later by a report at most. A
    process that has just begun knows the former only.
    """

    _received: deque[tuple[int, int]] = field(default_factory=deque)  # offset, brokers' time in ms
    _end_offsets: deque[tuple[int, int]] = field(default_factory=deque)  # end, when it was first seen in ms

    def received(self, offset: int, time_ms: int) -> None:
        """A message came; of several that came together the first is enough."""
        if not self._received or offset > self._received[-1][0]:
            _remember(self._received, (offset, time_ms))

    def seconds(self, now_ms: int, position: int, end: int) -> float:
        """Everything below offset `position` is finished, and the partition ends at `end`."""
        if not self._end_offsets or end > self._end_offsets[-1][0]:
            _remember(self._end_offsets, (end, now_ms))
        # The last one below says since when what follows it may be there.
        while len(self._received) > 1 and self._received[1][0] <= position:
            self._received.popleft()
        while self._end_offsets and self._end_offsets[0][0] <= position:
            self._end_offsets.popleft()
        if end <= position:
            self._received.clear()
            return 0.0
        since = [seen for _, seen in list(self._end_offsets)[:1]]
        since += [time_ms for offset, time_ms in list(self._received)[:1] if offset >= position]
        return max(0.0, (now_ms - min(since)) / 1000) if since else 0.0


class ReportedLag:
    """What one consumer group in this process counts, and its two gauges of lag. One thread."""

    def __init__(self, chain: str, group: str) -> None:
        self._labels = chain, group
        self._partitions: dict[tuple[str, int], Lateness] = {}

    def rebalanced(self) -> None:
        """The group told this process which partitions are its own, be they the same as before."""
        CONSUMER_REBALANCES.labels(*self._labels).inc()

    def counted(self, topic: str, messages: int) -> None:
        """So many messages came."""
        CONSUMER_MESSAGES.labels(*self._labels, topic).inc(messages)

    def received(self, topic: str, partition: int, offset: int, time_ms: int) -> None:
        """A message came, or several of which this is the first; `time_ms` is the brokers' time of it."""
        self._partitions.setdefault((topic, partition), Lateness()).received(offset, time_ms)

    def report(self, now_ms: int, topic: str, partition: int, position: int, end: int) -> None:
        """Everything below offset `position` is finished, and the partition ends at `end`."""
        labels = (*self._labels, topic, str(partition))
        late = self._partitions.setdefault((topic, partition), Lateness())
        CONSUMER_LAG.labels(*labels).set(max(0, end - position))
        CONSUMER_LAG_SECONDS.labels(*labels).set(late.seconds(now_ms, position, end))

    def keep_only(self, partitions: set[tuple[str, int]]) -> None:
        """Of topic and partition. Whoever has the other partitions now reports them."""
        for topic, partition in self._partitions.keys() - partitions:
            del self._partitions[topic, partition]
            for gauge in (CONSUMER_LAG, CONSUMER_LAG_SECONDS):
                try:
                    gauge.remove(*self._labels, topic, str(partition))
                except KeyError:
                    continue  # received and never reported


def _remember(kept: deque[tuple[int, int]], entry: tuple[int, int]) -> None:
    """Add an entry; of many the older ones are thinned out, so that the first is never lost."""
    kept.append(entry)
    if len(kept) > _REMEMBERED:
        thinned = list(kept)[::2]
        kept.clear()
        kept.extend(thinned)
