"""A worker waits for brokers that are away when it starts, says so, and leaves when it is told to."""

from __future__ import annotations

import threading

import pytest

from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.retry import Stopped
from headwater.settings import Settings, load_settings
from streams.runtime.kafka_watch import brokers_answer


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)


@pytest.fixture
def settings() -> Settings:
    return load_settings(environ={})


async def test_brokers_that_come_are_waited_for_and_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def reach(_: Settings, *, timeout: float) -> None:
        told.append(HEALTH.checks()["assignment"].detail if len(told) else "")
        if len(told) < 3:
            raise Transient(f"Kafka does not answer ({len(told)})")

    monkeypatch.setattr("headwater.kafka.reach", reach)
    await brokers_answer(settings, threading.Event())
    assert told == ["", "Kafka does not answer (1)", "Kafka does not answer (2)"]


async def test_a_worker_that_is_told_to_stop_waits_no_more(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def reach(_: Settings, *, timeout: float) -> None:
        stop.set()
        raise Transient("Kafka does not answer")

    monkeypatch.setattr("headwater.kafka.reach", reach)
    with pytest.raises(Stopped):
        await brokers_answer(settings, stop)


async def test_brokers_that_refuse_are_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(_: Settings, *, timeout: float) -> None:
        raise Fatal("Kafka refuses user a")

    monkeypatch.setattr("headwater.kafka.reach", reach)
    with pytest.raises(Fatal, match="refuses user a"):
        await brokers_answer(settings, threading.Event())
