"""What a stage's writer says while the brokers take nothing, and how it makes room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.health import HEALTH, Check
from headwater.retry import Stopped
from headwater.settings import load_settings
from streams.logic.event import Messages
from streams.runtime import output
from streams.runtime.output import StageOutput
from streams.stage import Outcome
from tests.fakes.kafka import QueueProducer

OUTCOME = Outcome(internal=[Messages("enriched-blocks", [b"1", b"1"], [b"a", b"b"], ())])


MakeWriter = Callable[[QueueProducer], StageOutput]


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWriter:
    monkeypatch.setattr(output, "_CALL_SECONDS", 0.0)

    def made(producer: QueueProducer) -> StageOutput:
        monkeypatch.setattr("streams.runtime.output.kafka.producer", lambda *_, **__: producer)
        return StageOutput(load_settings({"data_dir": str(tmp_path)}, environ={}), "enrich", 0, stop)

    stop = threading.Event()
    made.stop = stop  # type: ignore[attr-defined]
    return made


def test_health_says_that_the_brokers_acknowledge_nothing(
    writer: MakeWriter,
) -> None:
    producer, seen = QueueProducer(silent=2), list[Check]()
    producer.on_flush = lambda: seen.append(HEALTH.checks().get("output", Check(True, "")))
    writer(producer).write([OUTCOME])
    meanwhile = seen[-1]
    assert (meanwhile.ok, "2 messages wait for Kafka" in meanwhile.detail) == (False, True)
    assert HEALTH.checks()["output"].ok
    assert [each.value() for each in producer.acknowledged] == [b"a", b"b"]


def test_a_full_queue_is_waited_for_as_often_as_it_is_full(
    writer: MakeWriter,
) -> None:
    producer = QueueProducer(room=1)
    producer.produce("enriched-blocks", b"earlier", b"1")
    writer(producer).write([OUTCOME])
    assert [each.value() for each in producer.acknowledged] == [b"earlier", b"a", b"b"]


def test_a_stop_ends_the_wait(writer: MakeWriter) -> None:
    producer = QueueProducer(silent=10)
    producer.on_flush = writer.stop.set  # type: ignore[attr-defined]
    with pytest.raises(Stopped, match="acknowledged nothing"):
        writer(producer).write([OUTCOME])
