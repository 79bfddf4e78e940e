"""Retractions are told before their columns are handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from connectors.clickhouse.sink.guard import GuardedRows
from connectors.clickhouse.sink.messages import Message
from connectors.clickhouse.sink.rows import Columns
from headwater.errors import Transient

COLUMNS = {
    "chain_id": [1, 1, 5, 1],
    "block_number": [7, 8, 9, 7],
    "sequence": [30, 10, 31, 32],
    "removed": [True, False, True, True],
}


class Reader:
    names: Sequence[str] = tuple(COLUMNS)

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def columns(self, messages: Sequence[Message]) -> Columns:
        return self._columns


def test_each_chain_s_retracted_blocks_are_told_once_with_their_latest_sequence() -> None:
    told: list[tuple[int, Mapping[int, int]]] = []
    guarded = GuardedRows(Reader(COLUMNS), lambda chain_id, numbers: told.append((chain_id, numbers)))
    assert guarded.columns([]) is COLUMNS
    assert told == [(1, {7: 32}), (5, {9: 31})]


def test_rows_without_retractions_cost_nothing() -> None:
    def unsettle(chain_id: int, retracted: Mapping[int, int]) -> None:
        raise AssertionError("nothing is retracted")

    columns = {**COLUMNS, "removed": [False] * 4}
    assert GuardedRows(Reader(columns), unsettle).columns([]) is columns


def test_columns_are_not_handed_on_when_it_cannot_be_told() -> None:
    def unsettle(chain_id: int, retracted: Mapping[int, int]) -> None:
        raise Transient("ClickHouse is away")

    with pytest.raises(Transient, match="away"):
        GuardedRows(Reader(COLUMNS), unsettle).columns([])
