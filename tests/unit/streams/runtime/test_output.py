"""What a stage's writer says while the brokers take nothing, and how it makes room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.health import HEALTH, Check
from headwater.retry import Stopped
from headwater.settings import load_settings
from streams.logic.event import Messages
from streams.runtime import output
from streams.runtime.output import StageOutput
from streams.stage import Outcome

OUTCOME = Outcome(internal=[Messages("enriched-blocks", [b"1", b"1"], [b"a", b"b"], ())])


MakeWriter = Callable[["FakeProducer"], StageOutput]


class FakeProducer:
    """Takes what fits into `room`; acknowledges after `waits` calls of flush."""

    def __init__(self, *, room: int = 10, waits: int = 0) -> None:
        self.room, self.waits = room, waits
        self.queued: list[bytes] = []
        self.acknowledged: list[bytes] = []
        self.health: list[Check] = []
        self.on_flush: Callable[[], object] = lambda: None

    def __len__(self) -> int:
        return len(self.queued)

    def produce(self, topic: str, value: bytes, key: bytes, *, headers: Any, on_delivery: Any) -> None:
        if len(self.queued) >= self.room:
            raise BufferError("queue full")
        self.queued.append(value)

    def poll(self, _: float) -> int:
        self.acknowledged.append(self.queued.pop(0))
        self.room += 1 if len(self.acknowledged) > 1 else 0
        return 1

    def flush(self, _: float) -> int:
        self.on_flush()
        if self.waits:
            self.waits -= 1
            return len(self.queued)
        self.health.append(HEALTH.checks().get("output", Check(True, "")))
        self.acknowledged += self.queued
        self.queued = []
        return 0

    def purge(self) -> None: ...


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWriter:
    monkeypatch.setattr(output, "_CALL_SECONDS", 0.0)

    def made(producer: FakeProducer) -> StageOutput:
        monkeypatch.setattr("streams.runtime.output.kafka.producer", lambda *_, **__: producer)
        return StageOutput(load_settings({"data_dir": str(tmp_path)}, environ={}), "enrich", 0, stop)

    stop = threading.Event()
    made.stop = stop  # type: ignore[attr-defined]
    return made


def test_health_says_that_the_brokers_acknowledge_nothing(
    writer: MakeWriter,
) -> None:
    producer = FakeProducer(waits=2)
    writer(producer).write([OUTCOME])
    (meanwhile,) = producer.health
    assert (meanwhile.ok, "2 messages wait for Kafka" in meanwhile.detail) == (False, True)
    assert HEALTH.checks()["output"].ok
    assert producer.acknowledged == [b"a", b"b"]


def test_a_full_queue_is_waited_for_as_often_as_it_is_full(
    writer: MakeWriter,
) -> None:
    producer = FakeProducer(room=1)
    producer.queued = [b"earlier"]
    writer(producer).write([OUTCOME])
    assert producer.acknowledged == [b"earlier", b"a", b"b"]


def test_a_stop_ends_the_wait(writer: MakeWriter) -> None:
    producer = FakeProducer(waits=10)
    producer.on_flush = writer.stop.set  # type: ignore[attr-defined]
    with pytest.raises(Stopped, match="acknowledged nothing"):
        writer(producer).write([OUTCOME])
