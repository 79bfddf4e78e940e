"""The reader's side of the consumer: positions, ends, and what it says when nothing comes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError

from audit.stream_check.algebra.record import StreamPosition
from audit.stream_check.reading import PATIENCE_SECONDS, Reader
from headwater.errors import Fatal, Transient
from headwater.settings import load_settings
from tests.fakes.kafka import FakeConsumer, FakeMessage

LOGS = ("logs", 0)
BLOCKS = ("blocks", 1)
END, GONE = KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET
TOPICS = {"logs": "chain.logs.v1", "blocks": "chain.blocks.v1"}


def reader_of(
    monkeypatch: pytest.MonkeyPatch, *batches: Sequence[FakeMessage]
) -> tuple[Reader, FakeConsumer]:
    consumer = FakeConsumer(*batches)
    monkeypatch.setattr("audit.stream_check.reading.kafka.reader", lambda *_, **__: consumer)
    seconds = iter(range(0, 10_000, 10))
    return Reader(load_settings(), TOPICS, {LOGS: 5, BLOCKS: 0}, clock=lambda: next(seconds)), consumer


def test_the_end_is_reached_past_markers_of_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, consumer = reader_of(
        monkeypatch,
        [
            FakeMessage("chain.logs.v1", 0, 5),
            FakeMessage("chain.blocks.v1", 1, 3, code=END),
        ],
        [FakeMessage("chain.logs.v1", 0, 7, code=END)],
    )
    found = [raw for batch in reader.up_to({LOGS: 7, BLOCKS: 3}) for raw in batch]
    assert [each.position for each in found] == [StreamPosition("logs", 0, 5)]
    assert reader.read == 10
    assert reader.reached({LOGS: 7, BLOCKS: 4}) == {LOGS}
    assert consumer.calls == [("assign", [("chain.logs.v1", 0, 5), ("chain.blocks.v1", 1, 0)])]


def test_silence_below_an_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, _ = reader_of(monkeypatch)
    with pytest.raises(
        Transient, match=rf"chain.logs.v1\[0\] gave nothing for {PATIENCE_SECONDS:.0f} s at offset 5"
    ):
        list(reader.up_to({LOGS: 7, BLOCKS: 0}))


def test_what_retention_takes_meanwhile_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, _ = reader_of(monkeypatch, [FakeMessage("chain.logs.v1", 0, 5, code=GONE)])
    with pytest.raises(Fatal, match="no longer holds"):
        list(reader.up_to({LOGS: 7}))


def test_partitions_are_held_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, consumer = reader_of(monkeypatch)
    reader.hold({LOGS})
    reader.hold({LOGS})
    reader.hold({BLOCKS})
    reader.hold(())
    seen = [(name, [each[:2] for each in places]) for name, places in consumer.calls[1:]]
    logs, blocks = [("chain.logs.v1", 0)], [("chain.blocks.v1", 1)]
    assert seen == [("pause", logs), ("pause", blocks), ("resume", logs), ("resume", blocks)]
