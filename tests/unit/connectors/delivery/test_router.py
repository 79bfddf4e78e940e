"""The router's place in its group: how far behind it is, and how it ends when it gets nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition
from prometheus_client import REGISTRY

from connectors.delivery.router import GROUP, Router
from connectors.delivery.topic.transactions import Transactions
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.kafka.bounds import Bounds
from headwater.lateness import ReportedLag
from headwater.settings import load_settings
from tests.fakes.bounds import MemoryBounds, watched
from tests.fakes.kafka import FakeConsumer, FakeMessage
from tests.fakes.sink_thread import until
from tests.fakes.transactions import Brokers

PLACE = ("alerts", 0)


class Fetching(FakeConsumer):
    """A consumer whose last fetch told an end."""

    fetched = -1001

    def get_watermark_offsets(self, place: TopicPartition, *, cached: bool) -> tuple[int, int]:
        return 0, self.fetched


@pytest.fixture
def asked() -> MemoryBounds:
    return MemoryBounds()


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch, asked: MemoryBounds) -> Iterator[Fetching]:
    consumer = Fetching()
    monkeypatch.setattr("connectors.delivery.router.kafka.consumer", lambda *_, **__: consumer)
    monkeypatch.setattr("connectors.delivery.router.kafka.producer", Brokers().producer)
    monkeypatch.setattr("connectors.delivery.router.standstill", lambda *_: watched("alerts", asked))
    monkeypatch.setattr("connectors.delivery.router._REPORT_SECONDS", 0.0)
    consumer.changes = [("assign", [0])]
    yield consumer
    HEALTH.report("reading alerts", True)
    HEALTH.fail("")


def follow() -> None:
    """A member's life."""
    router: Any = Router.__new__(Router)
    router._settings = load_settings({"chain": {"name": "router"}}, environ={})
    router._alerts, router._chain, router._producers = "alerts", "router", {}
    router._stop = threading.Event()
    router._transactions = Transactions(GROUP, router._stop)
    router._lag = ReportedLag("router", GROUP)
    router._be_member()


def lag() -> float | None:
    labels = {"chain": "router", "group": GROUP, "topic": "alerts", "partition": "0"}
    return REGISTRY.get_sample_value("headwater_consumer_lag", labels)


def test_a_router_that_gets_nothing_from_the_start_is_behind_and_ends(
    consumer: Fetching, asked: MemoryBounds
) -> None:
    asked.bounds[PLACE] = Bounds(4, 9)
    with pytest.raises(Fatal, match="gave no message for 120 s although 5 offsets wait"):
        follow()
    assert lag() == 5
    assert not HEALTH.checks()["reading alerts"].ok


def test_the_marks_behind_the_last_alert_are_no_lag_and_what_comes_then_is(
    consumer: Fetching, asked: MemoryBounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer.fetched = 9
    consumer.batches = [[FakeMessage("alerts", 0, 9, code=KafkaError._PARTITION_EOF)]]
    asked.bounds[PLACE] = Bounds(4, 9)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            follow()
        except Fatal as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    monkeypatch.setattr("headwater.standstill.ASK_SECONDS", 0.01)
    thread.start()
    until(lambda: lag() == 0)
    assert not ended
    asked.bounds[PLACE] = Bounds(4, 12)
    thread.join(30)
    assert "although 3 offsets wait" in str(ended)
    assert lag() == 3
