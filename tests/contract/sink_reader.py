"""What the sink relies on in the reader of a stream, whatever its messages are: subclasses say which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from connectors.clickhouse.sink.messages import Message
from connectors.clickhouse.sink.rows import Reader
from headwater.errors import Permanent
from tests.fakes.sink import messages


class Stream(Protocol):
    """A reader, and values that it reads: each has a number, which is in `column`. `broken` is no record."""

    @property
    def reader(self) -> Reader: ...

    column: str
    broken: bytes

    def value(self, number: int) -> bytes: ...


class ReaderContract:
    """Tests of Reader."""

    @pytest.fixture
    def stream(self) -> Stream:
        raise AssertionError("the subclass says which stream")

    def read(self, stream: Stream, given: Sequence[Message]) -> list[int]:
        columns = stream.reader.columns(given)
        assert list(columns) == list(stream.reader.names)
        assert {len(column) for column in columns.values()} == {len(given)}
        return list(columns[stream.column])

    def test_rows_are_as_many_and_in_the_order_of_the_messages(self, stream: Stream) -> None:
        assert self.read(stream, messages(*map(stream.value, (7, 3, 7)))) == [7, 3, 7]
        assert self.read(stream, messages(stream.value(5))) == [5]

    def test_of_no_message_there_is_no_row(self, stream: Stream) -> None:
        assert self.read(stream, []) == []

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_one_message_that_is_no_record_is_the_messages_fault(self, stream: Stream, place: int) -> None:
        values = [stream.value(1), stream.value(2)]
        values.insert(place, stream.broken)
        with pytest.raises(Permanent):
            stream.reader.columns(messages(*values))
