"""What the ledger tells librdkafka when partitions come and go between two reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from connectors.delivery.topic.ledger import KafkaLedger
from headwater import retry
from headwater.errors import Transient
from headwater.settings import load_settings
from schemas import codec_for
from tests.builders.deliveries import pending
from tests.fakes.transactions import Brokers

Change = Callable[[Any, list[TopicPartition]], None]


class FakeConsumer:
    """A client whose rebalances a test plays; like librdkafka it drops nothing that it does not read."""

    def __init__(self) -> None:
        self.reading: list[tuple[int, int]] = []
        self.calls = 0
        self.pending: list[tuple[str, list[int]]] = []
        self.messages: list[Any] = []

    def subscribe(self, topics: list[str], on_assign: Change, on_revoke: Change, on_lost: Change) -> None:
        self._changes = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}

    def consume(self, count: int, seconds: float) -> list[Any]:
        while self.pending:
            kind, partitions = self.pending.pop(0)
            self.calls = 0
            self._changes[kind](self, [TopicPartition("t", each) for each in partitions])
            assert self.calls == 1, f"{kind}: without one call of ours librdkafka makes its own"
        messages, self.messages = self.messages, []
        return messages

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.calls += 1
        self.reading += [(each.partition, each.offset) for each in partitions]

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self.calls += 1
        for each in partitions:
            self.reading.remove((each.partition, OFFSET_BEGINNING))

    def close(self) -> None: ...


class FakeMessage:
    """An entry as the client gives it."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def error(self) -> None: ...
    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def value(self) -> bytes:
        return self._value


class FakeRegistry:
    """Its reader fails as often as it is told to."""

    failures = 0

    def id_for(self, stream: str) -> int:
        return 1

    def reader(self, stream: str) -> FakeRegistry:
        return self

    def read(self, value: bytes) -> dict[str, Any]:
        if self.failures:
            self.failures -= 1
            raise Transient("the schema registry does not answer")
        return codec_for("deliveries").read(value)


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> FakeConsumer:
    consumer = FakeConsumer()
    monkeypatch.setattr("connectors.delivery.topic.ledger.kafka.consumer", lambda *_, **__: consumer)
    monkeypatch.setattr("connectors.delivery.topic.ledger.kafka.producer", Brokers().producer)
    monkeypatch.setattr(KafkaLedger, "_end", lambda *_: 0)
    monkeypatch.setattr(retry.Backoff, "next", lambda *_: 0.0)
    return consumer


def ledger_of(registry: FakeRegistry) -> KafkaLedger:
    return KafkaLedger(load_settings(environ={}), registry, threading.Event())  # type: ignore[arg-type]


def test_an_entry_is_given_although_the_registry_was_away(consumer: FakeConsumer) -> None:
    registry = FakeRegistry()
    ledger = ledger_of(registry)
    consumer.pending = [("assign", [0])]
    ledger.read(0)
    registry.failures = 2
    entry = pending(1, 10)
    consumer.messages = [FakeMessage(codec_for("deliveries").write(entry.record()))]
    assert ledger.read(0).entries == [(0, entry)]


def test_partitions_are_read_from_their_beginning_and_dropped_only_where_they_were_read(
    consumer: FakeConsumer,
) -> None:
    ledger = ledger_of(FakeRegistry())
    consumer.pending = [("assign", [0, 1])]
    assert ledger.read(0).lost == set()
    assert consumer.reading == [(0, OFFSET_BEGINNING), (1, OFFSET_BEGINNING)]
    # One that comes and goes within a call, beside one that was read.
    consumer.pending = [("assign", [2]), ("revoke", [1, 2])]
    assert ledger.read(0).lost == {1}
    assert consumer.reading == [(0, OFFSET_BEGINNING)]
    consumer.pending = [("revoke", []), ("lost", [0])]
    assert ledger.read(0).lost == {0}
    assert consumer.reading == []


def test_what_goes_away_is_said_before_it_is_given_up(consumer: FakeConsumer) -> None:
    ledger = ledger_of(FakeRegistry())
    consumer.pending = [("assign", [0, 1])]
    ledger.read(0)
    heard = []
    # One that was never read has nothing under way.
    consumer.pending = [("assign", [2]), ("revoke", [1, 2]), ("lost", [0])]
    ledger.read(0, lambda partitions: heard.append((set(partitions), list(consumer.reading))))
    assert heard == [
        ({1}, [(0, OFFSET_BEGINNING), (1, OFFSET_BEGINNING)]),
        ({0}, [(0, OFFSET_BEGINNING)]),
    ]
