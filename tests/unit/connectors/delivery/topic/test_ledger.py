"""What the ledger tells librdkafka when partitions come and go between two reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError

from connectors.delivery.topic.ledger import KafkaLedger
from headwater import retry
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH, Check
from headwater.kafka.bounds import Bounds
from headwater.settings import load_settings
from schemas import codec_for
from tests.builders.deliveries import pending
from tests.fakes.bounds import MemoryBounds, watched
from tests.fakes.kafka import FakeConsumer, FakeMessage
from tests.fakes.sink_thread import until
from tests.fakes.transactions import Brokers


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
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBounds]:
    """What the brokers tell of the ledger's ends."""
    asked = MemoryBounds()
    still = watched("deliveries", asked)
    monkeypatch.setattr("connectors.delivery.topic.ledger.standstill", lambda *_: still)
    yield asked
    still.end()
    HEALTH.report("reading deliveries", True)
    HEALTH.fail("")


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch, asked: MemoryBounds) -> FakeConsumer:
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
    consumer.changes = [("assign", [0])]
    ledger.read(0)
    registry.failures = 2
    entry = pending(1, 10)
    consumer.batches = [[FakeMessage("t", 0, 7, codec_for("deliveries").write(entry.record()))]]
    assert ledger.read(0).entries == [(0, entry)]


def test_partitions_are_read_from_their_beginning_and_dropped_only_where_they_were_read(
    consumer: FakeConsumer,
) -> None:
    ledger = ledger_of(FakeRegistry())
    consumer.changes = [("assign", [0, 1])]
    assert ledger.read(0).lost == set()
    assert consumer.reading == [(0, OFFSET_BEGINNING), (1, OFFSET_BEGINNING)]
    # One that comes and goes within a call, beside one that was read.
    consumer.changes = [("assign", [2]), ("revoke", [1, 2])]
    assert ledger.read(0).lost == {1}
    assert consumer.reading == [(0, OFFSET_BEGINNING)]
    consumer.changes = [("revoke", []), ("lost", [0])]
    assert ledger.read(0).lost == {0}
    assert consumer.reading == []


def test_what_goes_away_is_said_before_it_is_given_up(consumer: FakeConsumer) -> None:
    ledger = ledger_of(FakeRegistry())
    consumer.changes = [("assign", [0, 1])]
    ledger.read(0)
    heard = []
    # One that was never read has nothing under way.
    consumer.changes = [("assign", [2]), ("revoke", [1, 2]), ("lost", [0])]
    ledger.read(0, lambda partitions: heard.append((set(partitions), list(consumer.reading))))
    assert heard == [
        ({1}, [(0, OFFSET_BEGINNING), (1, OFFSET_BEGINNING)]),
        ({0}, [(0, OFFSET_BEGINNING)]),
    ]


def read(ledger: KafkaLedger, times: int) -> None:
    for _ in range(times):
        ledger.read(0)


def end_of(partition: int, offset: int = 0) -> FakeMessage:
    return FakeMessage("t", partition, offset, code=KafkaError._PARTITION_EOF)


def test_it_is_ready_when_what_it_owns_is_read_or_nothing_is_owned(consumer: FakeConsumer) -> None:
    ledger = ledger_of(FakeRegistry())

    def says() -> Check:
        ledger.read(0)
        return HEALTH.checks()["ledger"]

    assert says() == Check(False, "joining its group")
    consumer.changes = [("assign", [])]
    assert says() == Check(True, "standing by without a partition")
    consumer.changes = [("assign", [0, 3])]
    assert says() == Check(False, "taking over and reading partitions 0, 3")
    consumer.batches = [[end_of(0)]]
    assert says() == Check(False, "taking over and reading partitions 3")
    consumer.batches = [[end_of(3)]]
    assert says() == Check(True, "partitions 0, 3")
    consumer.changes = [("revoke", [0, 3])]
    assert says() == Check(True, "standing by without a partition")


def test_trouble_that_passes_does_not_make_it_ready(
    consumer: FakeConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [2]

    def end(*_: object) -> int:
        left[0] -= 1
        if left[0]:
            raise Transient("Kafka does not answer")
        return 5

    monkeypatch.setattr(KafkaLedger, "_end", end)
    ledger = ledger_of(FakeRegistry())
    consumer.changes = [("assign", [0])]
    ledger.read(0)
    assert HEALTH.checks()["kafka"].ok
    assert HEALTH.checks()["ledger"] == Check(False, "taking over and reading partitions 0")


def test_an_owner_that_gets_nothing_of_what_waits_ends(
    consumer: FakeConsumer, asked: MemoryBounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.delivery.topic.ledger._LOOK_SECONDS", 0.0)
    ledger = ledger_of(FakeRegistry())
    consumer.changes = [("assign", [0])]
    # Three entries of which the last is the mark of a transaction: only the end tells that it is passed.
    place = (ledger._topic, 0)
    asked.bounds[place] = Bounds(0, 3)
    consumer.batches = [[], [FakeMessage("t", 0, 1, None), end_of(0, 3)]]
    read(ledger, 300)
    until(lambda: ledger._still.bounds(place) == Bounds(0, 3))
    asked.bounds[place] = Bounds(0, 4)
    ledger._still.ask()
    with pytest.raises(Fatal, match="gave no message for 120 s although 1 offsets wait"):
        read(ledger, 300)
