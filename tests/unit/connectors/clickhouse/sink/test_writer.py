"""Bad rows are set aside one by one, the rest goes in, and what passes is waited for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from connectors.clickhouse.sink import writer as sink_writer
from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.messages import Message
from connectors.clickhouse.sink.retries import retry_for
from connectors.clickhouse.sink.writer import Writer
from headwater.errors import Fatal, Permanent, Transient
from headwater.retry import Retry, Stopped
from tests.fakes.sink import FakeDeadLetters, FakeReader, FakeTable, messages


def writer(
    table: FakeTable, letters: FakeDeadLetters, ratio: float = 0.2, stop: threading.Event | None = None
) -> Writer:
    retry = retry_for("logs", stop or threading.Event())
    return Writer(FakeReader(), table, letters, BadRowLimit("logs", ratio), retry, "local")


def test_a_batch_goes_in_with_one_insert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_writer, "CHUNK_ROWS", 3)
    table, letters = FakeTable(), FakeDeadLetters()
    writer(table, letters).write(messages(*[b"%d" % n for n in range(10)]))
    assert (table.rows, table.inserts, letters.sent) == (list(range(10)), 1, [])


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_each_kind_of_bad_row_becomes_a_dead_letter(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_writer, "CHUNK_ROWS", chunk)
    table, letters = FakeTable(refused=frozenset({7})), FakeDeadLetters()
    batch = messages(b"1", b"x", b"2", b"-5", b"3", b"7", b"4", b"y")
    writer(table, letters, 1.0).write(batch)
    assert sorted(table.rows) == [1, 2, 3, 4]
    assert {bad.message.value() for bad in letters.sent} == {b"x", b"-5", b"7", b"y"}
    errors = {bad.message.value(): str(bad.error) for bad in letters.sent}
    assert errors[b"x"] == "malformed b'x'"
    assert errors[b"7"].startswith("refused")


def test_a_batch_of_bad_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_writer, "CHUNK_ROWS", 2)
    table, letters = FakeTable(), FakeDeadLetters()
    writer(table, letters, 1.0).write(messages(b"x", b"y", b"z"))
    assert (table.inserts, len(letters.sent)) == (0, 3)


def test_tombstones_are_no_rows() -> None:
    table, letters = FakeTable(), FakeDeadLetters()
    writer(table, letters).write(messages(b"1", None, b"2"))
    writer(table, letters).write(messages(None))
    assert (table.rows, letters.sent) == ([1, 2], [])


def test_too_many_bad_rows_stop_the_sink_before_any_becomes_a_dead_letter() -> None:
    table, letters = FakeTable(), FakeDeadLetters()
    batch = messages(*[b"x" if n % 2 else b"%d" % n for n in range(200)])
    with pytest.raises(Fatal, match="rows of logs are bad"):
        writer(table, letters).write(batch)
    assert (table.rows, letters.sent) == ([], [])


def test_what_passes_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    table, letters = FakeTable(failures=3), FakeDeadLetters()
    subject = writer(table, letters)
    subject.write(messages(b"1", b"2"))
    assert (table.rows, letters.sent, subject.retry.failing) == ([1, 2], [], "")


def test_waiting_ends_when_the_sink_stops() -> None:
    stop = threading.Event()
    stop.set()
    subject = writer(FakeTable(failures=10_000), FakeDeadLetters(), stop=stop)
    with pytest.raises(Stopped, match="ClickHouse is away"):
        subject.write(messages(b"1"))
    assert subject.retry.failing == "ClickHouse is away"


def test_a_batch_that_memory_does_not_suffice_for_goes_in_by_halves() -> None:
    table, letters = FakeTable(memory=2), FakeDeadLetters()
    subject = writer(table, letters)
    subject.write(messages(*[b"%d" % n for n in range(7)]))
    assert table.tried == [7, 3, 1, 2, 4, 2, 2]
    assert (table.rows, letters.sent, subject.retry.failing) == (list(range(7)), [], "")


def test_one_row_that_memory_does_not_suffice_for_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    table, letters = FakeTable(memory=-1), FakeDeadLetters()
    writer(table, letters).write(messages(b"1", b"2"))
    assert table.tried[:4] == [2, 1, 1, 1]
    assert (table.rows, letters.sent) == ([1, 2], [])


def test_a_bad_row_is_found_where_memory_is_short() -> None:
    table, letters = FakeTable(memory=2, refused=frozenset({5})), FakeDeadLetters()
    writer(table, letters).write(messages(*[b"%d" % n for n in range(8)]))
    assert set(table.rows) == set(range(8)) - {5}
    assert [bad.message.value() for bad in letters.sent] == [b"5"]


class FakeDirect:
    """Takes what it is given, or refuses with `error`."""

    least_rows = 2

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[Message] = []

    def insert(self, messages: Sequence[Message]) -> None:
        if self.error is not None:
            raise self.error
        self.taken += messages


@pytest.mark.parametrize("error", [Permanent("a message is malformed"), Transient("ClickHouse is away")])
def test_what_clickhouse_does_not_take_as_it_came_is_read(error: Exception) -> None:
    table, letters = FakeTable(), FakeDeadLetters()
    limit = BadRowLimit("logs", 1.0)
    given = messages(b"1", b"two", b"3")
    Writer(FakeReader(), table, letters, limit, Retry(), "chain", FakeDirect(error)).write(given)
    assert table.rows == [1, 3]
    assert [bad.message.offset() for bad in letters.sent] == [1]


def test_large_batches_go_in_as_they_came() -> None:
    table, direct = FakeTable(), FakeDirect()
    writer = Writer(
        FakeReader(), table, FakeDeadLetters(), BadRowLimit("logs", 1.0), Retry(), "chain", direct
    )
    writer.write(messages(b"1", b"2", None))
    assert [message.value() for message in direct.taken] == [b"1", b"2"]
    writer.write(messages(b"3"))
    assert table.rows == [3]
