"""What the ledger tells librdkafka when partitions come and go between two reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from connectors.delivery.topic import ledger as module
from connectors.delivery.topic.ledger import KafkaLedger
from headwater.settings import load_settings
from tests.fakes.transactions import Brokers

Change = Callable[[Any, list[TopicPartition]], None]


class FakeConsumer:
    """A client whose rebalances a test plays; like librdkafka it drops nothing that it does not read."""

    def __init__(self) -> None:
        self.reading: list[tuple[int, int]] = []
        self.calls = 0
        self.pending: list[tuple[str, list[int]]] = []

    def subscribe(self, topics: list[str], on_assign: Change, on_revoke: Change, on_lost: Change) -> None:
        self._changes = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}

    def consume(self, count: int, seconds: float) -> list[Any]:
        while self.pending:
            kind, partitions = self.pending.pop(0)
            self.calls = 0
            self._changes[kind](self, [TopicPartition("t", each) for each in partitions])
            assert self.calls == 1, f"{kind}: without one call of ours librdkafka makes its own"
        return []

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.calls += 1
        self.reading += [(each.partition, each.offset) for each in partitions]

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self.calls += 1
        for each in partitions:
            self.reading.remove((each.partition, OFFSET_BEGINNING))

    def close(self) -> None: ...


class FakeRegistry:
    def id_for(self, stream: str) -> int:
        return 1

    def reader(self, stream: str) -> None: ...


def test_partitions_are_read_from_their_beginning_and_dropped_only_where_they_were_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer = FakeConsumer()
    monkeypatch.setattr(module.kafka, "consumer", lambda *_, **__: consumer)
    monkeypatch.setattr(module.kafka, "producer", Brokers().producer)
    monkeypatch.setattr(KafkaLedger, "_end", lambda *_: 0)
    ledger = KafkaLedger(load_settings(environ={}), FakeRegistry(), threading.Event())  # type: ignore[arg-type]
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
