"""Kafka's transactions in memory: what is committed is there, what is not is nowhere; killed at any call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException

Record = tuple[bytes | None, bytes | None]
"""Key and value."""


class KilledError(BaseException):
    """The process died here: nobody catches it."""


@dataclass
class Brokers:
    """Topics by name, with what is committed. `at_call`: die at that call of a producer, counted from 1.

    `after`: behind what the call changes, instead of before it. `owners`: transactional id → who has it.
    """

    at_call: int | None = None
    after: bool = False
    calls: int = 0
    topics: dict[str, list[Record]] = field(default_factory=dict)
    owners: dict[str, Producer] = field(default_factory=dict)

    def producer(self, _: object, *, transactional_id: str | None = None, **__: object) -> Producer:
        """In place of `headwater.kafka.producer`."""
        return Producer(self, transactional_id)

    def call(self, change: Callable[[], None] = lambda: None) -> None:
        """One call of a producer's."""
        self.calls += 1
        if self.calls == self.at_call and not self.after:
            raise KilledError
        change()
        if self.calls == self.at_call:
            raise KilledError

    def latest(self, topic: str) -> dict[bytes, bytes]:
        """Key → value of a topic, as compaction leaves it."""
        found: dict[bytes, bytes] = {}
        for key, value in self.topics.get(topic, ()):
            if key is not None and value is None:
                found.pop(key, None)
            elif key is not None and value is not None:
                found[key] = value
        return found

    def append(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """A message arrives."""
        self.topics.setdefault(topic, []).append((key, value))


class Producer:
    """What a stage's writer uses of confluent_kafka's."""

    def __init__(self, brokers: Brokers, transactional_id: str | None) -> None:
        self._brokers = brokers
        self._id = transactional_id
        self._open: list[tuple[str, bytes | None, bytes | None]] = []

    def __len__(self) -> int:
        return 0

    def init_transactions(self, _: float) -> None:
        self._brokers.call(self._own)

    def begin_transaction(self) -> None:
        self._brokers.call(self._open.clear)

    def produce(self, topic: str, value: bytes | None, key: bytes | None, **_: Any) -> None:
        if self._id is not None:
            self._brokers.call(lambda: self._open.append((topic, key, value)))
        else:
            self._brokers.call(lambda: self._brokers.append(topic, key, value))

    def flush(self, _: float) -> int:
        self._brokers.call()
        return 0

    def poll(self, _: float) -> int:
        return 0

    def commit_transaction(self, _: float) -> None:
        self._brokers.call(self._commit)

    def abort_transaction(self, _: float) -> None:
        self._brokers.call(self._open.clear)

    def purge(self) -> None: ...

    def _own(self) -> None:
        """What the owner before had begun is aborted, and it may commit nothing any more."""
        if self._id is not None:
            self._brokers.owners[self._id] = self

    def _commit(self) -> None:
        if self._id is None or self._brokers.owners.get(self._id) is not self:
            raise KafkaException(KafkaError(KafkaError._FENCED, "another producer has the id", fatal=True))
        for each in self._open:
            self._brokers.append(*each)
        self._open.clear()
