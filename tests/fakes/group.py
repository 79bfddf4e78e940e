"""A consumer group over messages in memory, one member at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.clickhouse.sink.consumer import Received
from connectors.clickhouse.sink.messages import Message, Partition, partition_of


@dataclass
class FakeLog:
    """The topics' messages in the order in which they came, and what the group has committed."""

    partitions: Sequence[Partition]
    messages: list[Message] = field(default_factory=list)
    committed: dict[Partition, int] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def append(self, *messages: Message) -> None:
        with self.changed:
            self.messages += messages
            self.changed.notify_all()

    def end(self, partition: Partition) -> int:
        offsets = [each.offset() for each in self.messages if partition_of(each) == partition]
        return max(offsets, default=-1) + 1


class FakeGroup:
    """A member of the group. `refused` is what `take_failed_commits` gives."""

    def __init__(self, log: FakeLog) -> None:
        self.assigned: set[Partition] = set()
        self.paused: set[Partition] = set()
        self.commits: list[dict[Partition, int]] = []
        self.refused: set[Partition] = set()
        self.received = 0
        self._log = log
        self._seen = 0
        self._waiting: list[Message] = []
        self._told: dict[Partition, int] = {}

    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[Partition]], None],
        on_revoke: Callable[[Sequence[Partition], bool], None],
    ) -> None:
        self._topics, self._assign, self.revoke = set(topics), on_assign, on_revoke

    def receive(self, seconds: float) -> Received:
        self.received += 1
        if not self.assigned:
            self.assigned = {each for each in self._log.partitions if each.topic in self._topics}
            self._assign(sorted(self.assigned))
        with self._log.changed:
            # No longer than a unit test should wait for a poll that brings nothing.
            self._log.changed.wait_for(self._has_news, min(seconds, 0.002))
            return self._take()

    def pause_only(self, wanted: Iterable[Partition]) -> None:
        self.paused = set(wanted) & self.assigned

    def commit(self, positions: Mapping[Partition, int], *, wait: bool) -> None:
        if positions:
            self.commits.append(dict(positions))
            self._log.committed |= positions

    def take_failed_commits(self) -> set[Partition]:
        refused, self.refused = self.refused, set()
        return refused

    def end_offsets(self) -> dict[Partition, int]:
        return dict(self._told)

    def close(self) -> None:
        self.revoke(sorted(self.assigned), False)
        self.assigned = set()

    def drained(self) -> bool:
        """Whether every message was given out."""
        return self._seen == len(self._log.messages) and not self._waiting

    def _has_news(self) -> bool:
        return self._seen < len(self._log.messages) or any(map(self._is_due, self._waiting))

    def _is_due(self, message: Message) -> bool:
        return partition_of(message) not in self.paused

    def _take(self) -> Received:
        new = [each for each in self._log.messages[self._seen :] if self._is_mine(each)]
        self._seen = len(self._log.messages)
        there = [*self._waiting, *new]
        self._waiting = [each for each in there if not self._is_due(each)]
        reached = self.assigned - self.paused - {partition_of(each) for each in self._waiting}
        end_offsets = {each: self._log.end(each) for each in reached}
        news = {each: end for each, end in end_offsets.items() if self._told.get(each) != end}
        self._told |= news
        return Received([each for each in there if self._is_due(each)], news)

    def _is_mine(self, message: Message) -> bool:
        place = partition_of(message)
        return place in self.assigned and message.offset() >= self._log.committed.get(place, 0)
