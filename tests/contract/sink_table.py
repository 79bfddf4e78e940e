"""What a writer relies on in the table that it writes to: subclasses say which."""

from __future__ import annotations

from typing import Protocol

import pytest

from connectors.clickhouse.sink.rows import Columns
from connectors.clickhouse.sink.table import RowsRejected
from connectors.clickhouse.sink.writer import Target
from headwater.errors import Permanent, Transient


class Numbers(Protocol):
    """An empty table of numbers of which none is negative, and what else its rows need."""

    @property
    def table(self) -> Target: ...

    def columns(self, *numbers: int) -> Columns: ...
    def rows(self) -> list[int]:
        """The numbers that are in, in any order."""

    def away(self) -> None:
        """From now on nothing answers an insert."""


class TargetContract:
    """Tests of Target."""

    @pytest.fixture
    def numbers(self) -> Numbers:
        raise AssertionError("the subclass says which table")

    def test_what_was_encoded_is_in_once_it_was_inserted(self, numbers: Numbers) -> None:
        encoded = numbers.table.encode(numbers.columns(7, 3, 7))
        assert numbers.rows() == []
        numbers.table.insert(encoded, 3)
        assert sorted(numbers.rows()) == [3, 7, 7]
        assert numbers.table.name

    def test_several_encoded_parts_are_one_insert(self, numbers: Numbers) -> None:
        parts = [numbers.table.encode(numbers.columns(*part)) for part in ((1, 2), (3,), (4, 5))]
        numbers.table.insert(b"".join(parts), 5)
        assert sorted(numbers.rows()) == [1, 2, 3, 4, 5]

    def test_a_value_that_does_not_fit_is_the_rows_fault_before_anything_is_sent(
        self, numbers: Numbers
    ) -> None:
        with pytest.raises(Permanent):
            numbers.table.encode(numbers.columns(1, -1))
        assert numbers.rows() == []

    def test_a_body_that_ends_early_is_refused_whole(self, numbers: Numbers) -> None:
        encoded = numbers.table.encode(numbers.columns(1, 2))
        with pytest.raises(RowsRejected):
            numbers.table.insert(encoded[:-1], 2)
        assert numbers.rows() == []

    def test_a_server_that_is_away_is_nobodys_fault(self, numbers: Numbers) -> None:
        encoded = numbers.table.encode(numbers.columns(1))
        numbers.away()
        with pytest.raises(Transient):
            numbers.table.insert(encoded, 1)
