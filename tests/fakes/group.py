"""A consumer group over messages in memory; partitions move when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.clickhouse.sink.consumer import Received
from connectors.clickhouse.sink.messages import Message, Partition, partition_of
from connectors.clickhouse.sink.placement.start import Kept


@dataclass
class FakeLog:
    """The topics' messages in the order in which they came, and what the group has committed."""

    partitions: Sequence[Partition]
    messages: list[Message] = field(default_factory=list)
    committed: dict[Partition, int] = field(default_factory=dict)
    log_starts: dict[Partition, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    owners: dict[Partition, FakeGroup] = field(default_factory=dict)
    on_commit: Callable[[Mapping[Partition, int]], None] = lambda _: None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def append(self, *messages: Message) -> None:
        with self.changed:
            self.messages += messages
            self.changed.notify_all()

    def end(self, partition: Partition) -> int:
        offsets = [each.offset() for each in self.messages if partition_of(each) == partition]
        return max(offsets, default=self.log_starts.get(partition, 0) - 1) + 1

    def trim(self, partition: Partition, start: int) -> None:
        """Retention takes what is below `start`."""
        with self.changed:
            self.log_starts[partition] = start
            self.messages = [
                each for each in self.messages if partition_of(each) != partition or each.offset() >= start
            ]


class FakeOffsets:
    """What the brokers say of a log."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log

    def kept(self, partitions: Collection[Partition]) -> dict[Partition, Kept]:
        return {
            each: Kept(self._log.committed.get(each), self._log.log_starts.get(each, 0))
            for each in partitions
        }

    def end_offsets(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        return {each: self._log.end(each) for each in partitions}

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        return {each: self._log.topic_ids.get(each, f"id of {each}") for each in topics}


class FakeGroup:
    """A member of the group. `failed_commits` is what `take_failed_commits` gives.

    It is assigned all partitions by its first `receive`, or those of `first`; `lose` and `gain` make it part
    with partitions and get them, in its own thread, as a consumer's callbacks do. It reads a partition from
    where `read_from` says. While `hold` is set no
    message comes: the broker takes its time.
    """

    def __init__(self, log: FakeLog, first: Sequence[Partition] | None = None) -> None:
        self.assigned: set[Partition] = set()
        self.paused: set[Partition] = set()
        self.pauses: list[tuple[int, set[Partition]]] = []
        self.commits: list[dict[Partition, int]] = []
        self.failed_commits: set[Partition] = set()
        self.received = 0
        self.hold = False
        self._log = log
        self._first = first
        self._joined = False
        self._next: dict[Partition, int] = {}
        self._told: dict[Partition, int] = {}
        self._moves: list[Callable[[], None]] = []

    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[Partition]], None],
        on_revoke: Callable[[Sequence[Partition], bool], None],
    ) -> None:
        self._topics, self._on_assign, self._on_revoke = set(topics), on_assign, on_revoke

    def receive(self, seconds: float) -> Received:
        self.received += 1
        if not self._joined:
            self._joined = True
            first = self._log.partitions if self._first is None else self._first
            self._assign([each for each in first if each.topic in self._topics])
        while self._moves:
            self._moves.pop(0)()
        with self._log.changed:
            # No longer than a unit test should wait for a poll that brings nothing.
            self._log.changed.wait_for(lambda: bool(self._due()), min(seconds, 0.002))
            return Received() if self.hold else self._take()

    def read_from(self, positions: Mapping[Partition, int]) -> None:
        assert positions.keys() <= self.assigned
        self._next |= positions
        for each in positions:
            self._told.pop(each, None)

    def lose(self, *partitions: Partition) -> None:
        """They go to another member, or the session is lost: no word to this one before it is so."""
        self._moves.append(lambda: self._revoke(partitions, lost=True))

    def give_back(self, *partitions: Partition) -> None:
        """They go to another member once this one has said how far it came."""
        self._moves.append(lambda: self._revoke(partitions, lost=False))

    def gain(self, *partitions: Partition) -> None:
        """They come to this member."""
        self._moves.append(lambda: self._assign(partitions))

    def settled(self) -> bool:
        """Whether all moves that were asked for are made."""
        return not self._moves

    def pause_only(self, wanted: Iterable[Partition]) -> None:
        paused = set(wanted) & self.assigned
        if paused != self.paused:
            self.pauses.append((self.received, paused))
        self.paused = paused

    def commit(self, positions: Mapping[Partition, int], *, wait: bool) -> None:
        mine = {each: position for each, position in positions.items() if self._owns(each)}
        if mine:
            self._log.on_commit(mine)
            self.commits.append(mine)
            self._log.committed |= mine

    def take_failed_commits(self) -> set[Partition]:
        failed, self.failed_commits = self.failed_commits, set()
        return failed

    def end_offsets(self) -> dict[Partition, int]:
        return dict(self._told)

    def close(self) -> None:
        self._revoke(sorted(self.assigned), lost=False)

    def drained(self) -> bool:
        """Whether every message was given out."""
        return self._joined and all(
            self._next.get(each, 0) >= self._log.end(each) for each in self._log.partitions
        )

    def _assign(self, partitions: Sequence[Partition]) -> None:
        self.assigned |= set(partitions)
        self._log.owners |= dict.fromkeys(partitions, self)
        self._on_assign(sorted(partitions))

    def _revoke(self, partitions: Sequence[Partition], *, lost: bool) -> None:
        self._on_revoke(sorted(partitions), lost)
        self.assigned -= set(partitions)
        self.paused -= set(partitions)
        for each in partitions:
            self._next.pop(each, None)
            self._told.pop(each, None)

    def _owns(self, partition: Partition) -> bool:
        # A member that was not told yet is refused by the broker: another one has its partition.
        return partition in self.assigned and self._log.owners.get(partition) is self

    def _due(self) -> list[Message]:
        return [
            each
            for each in self._log.messages
            if (place := partition_of(each)) in self._next
            and place not in self.paused
            and each.offset() >= self._next[place]
        ]

    def _take(self) -> Received:
        lost = {each for each, upto in self._next.items() if upto < self._log.log_starts.get(each, 0)}
        for each in lost:
            del self._next[each]
        due = self._due()
        for message in due:
            self._next[partition_of(message)] = message.offset() + 1
        ends = {each: self._log.end(each) for each in self._next.keys() - self.paused}
        news = {each: end for each, end in ends.items() if self._told.get(each) != end}
        self._told |= news
        return Received(due, news, lost)
