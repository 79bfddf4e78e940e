"""What replicas of the sink share through ClickHouse, in memory: progress, gaps and ids, dead letters."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence

from connectors.clickhouse.sink.coverage.writer import DeadLetter
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.start import Gap


class SharedProgress:
    """How far replicas say that partitions are stored."""

    def __init__(self) -> None:
        self.published: dict[Partition, int] = {}
        self._lock = threading.Lock()

    def store(self, positions: Mapping[Partition, int]) -> None:
        with self._lock:
            for partition, position in positions.items():
                self.published[partition] = max(position, self.published.get(partition, 0))

    def positions(self) -> dict[Partition, int]:
        with self._lock:
            return dict(self.published)

    def forget(self, topics: Collection[str]) -> None:
        """Drop what was stored of these topics."""
        with self._lock:
            self.published = {
                each: position for each, position in self.published.items() if each.topic not in topics
            }


class FakeMemory:
    """What ClickHouse remembers of the topics beside `progress`."""

    def __init__(self, progress: SharedProgress) -> None:
        self.ids: dict[str, str] = {}
        self._progress = progress
        self._ends: dict[tuple[Partition, int], int] = {}

    def store_gaps(self, gaps: Collection[Gap]) -> None:
        for each in gaps:
            key = each.partition, each.first
            self._ends[key] = max(each.end, self._ends.get(key, 0))

    def gaps(self) -> list[Gap]:
        return [Gap(partition, first, end) for (partition, first), end in self._ends.items()]

    def topic_ids(self) -> dict[str, str]:
        return dict(self.ids)

    def store_topic_ids(self, ids: Mapping[str, str]) -> None:
        self.ids |= ids

    def forget(self, topics: Collection[str]) -> None:
        self._progress.forget(topics)
        self._ends = {key: end for key, end in self._ends.items() if key[0].topic not in topics}
        for each in topics:
            self.ids.pop(each, None)


class FakeLookup:
    """Dead letters in their table, and what was asked for."""

    def __init__(self, *letters: DeadLetter) -> None:
        self.asked: list[Mapping[str, int]] = []
        self._letters = letters

    def since(self, offsets: Mapping[str, int]) -> Sequence[DeadLetter]:
        self.asked.append(offsets)
        return [
            each
            for each in dict.fromkeys(self._letters)
            if each.partition.topic in offsets and each.offset >= offsets[each.partition.topic]
        ]
