"""When a batch goes, and how large it may be."""

from __future__ import annotations

from connectors.clickhouse.sink.buffer import PACE_SECONDS, Buffer
from connectors.clickhouse.sink.messages import Partition
from tests.fakes.sink import messages


def test_a_batch_goes_when_full_or_old_or_when_nothing_more_comes() -> None:
    buffer = Buffer(max_rows=3, max_seconds=1.0)
    assert not buffer.due(0.0, idle=True)
    buffer.add(messages(b"1", b"2"), 10.0)
    assert not buffer.due(10.5, idle=False)
    assert buffer.due(10.5, idle=True)
    assert buffer.due(11.0, idle=False)
    buffer.add(messages(b"3", b"4"), 10.6)
    assert buffer.due(10.6, idle=False)
    assert [message.value() for message in buffer.take(10.6)] == [b"1", b"2", b"3"]
    assert (len(buffer), buffer.size) == (1, 1)
    assert not buffer.due(10.6 + PACE_SECONDS / 2, idle=True)
    assert buffer.due(10.61 + PACE_SECONDS, idle=True)


def test_a_batch_is_bounded_in_bytes() -> None:
    buffer = Buffer(max_rows=100, max_seconds=1.0, max_bytes=10)
    buffer.add(messages(*[b"1234"] * 7), 0.0)
    assert [len(buffer.take(0.0)) for _ in range(4)] == [3, 3, 1, 0]
    assert buffer.size == 0


def test_a_buffer_drops_partitions_that_went_away() -> None:
    buffer = Buffer(max_rows=100, max_seconds=1.0)
    buffer.add([*messages(b"1", partition=0), *messages(b"22", partition=1)], 0.0)
    buffer.drop([Partition("logs", 0)])
    assert (len(buffer), buffer.size) == (1, 2)
