"""A ClickHouse client whose tables are in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import cramjam
from clickhouse_connect.driver.buffer import ResponseBuffer
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform

UNKNOWN_TABLE, NO_SUCH_COLUMN, CANNOT_READ_ALL_DATA = 60, 16, 33
_OF_COLUMNS = re.compile(
    r"FROM system\.columns WHERE database = '(\w+)' AND table = '(\w+)' ORDER BY position"
)


class FakeClient:
    """The part of clickhouse-connect's client that the sink uses.

    Blocks are decoded by clickhouse-connect and kept as rows in `rows`; `answers` answer any query but
    that for a table's columns, and `error` is raised by every call while it is set.
    """

    def __init__(self, answers: Sequence[Sequence[object]] = (), error: Exception | None = None) -> None:
        self.answers = answers
        self.error = error
        self.tables: dict[str, dict[str, tuple[str, str]]] = {}
        self.rows: dict[str, list[tuple[object, ...]]] = {}
        self.inserted: list[tuple[str, tuple[str, ...], bytes, Mapping[str, object]]] = []
        self.asked: list[tuple[str, Mapping[str, object]]] = []
        self.compressions: list[str | None] = []
        self.write_compression: str | None = None

    def create(self, name: str, **columns: str | tuple[str, str]) -> None:
        """A table; a column is its type, or (type, how it gets its value by default)."""
        self.tables[name] = {
            column: (kind, "") if isinstance(kind, str) else kind for column, kind in columns.items()
        }
        self.rows[name] = []

    def query(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        if self.error is not None:
            raise self.error
        self.asked.append((query, parameters or {}))
        if found := _OF_COLUMNS.search(query):
            columns = self.tables.get(f"{found[1]}.{found[2]}", {})
            return _Result([(name, kind, default) for name, (kind, default) in columns.items()])
        return _Result(self.answers)

    def raw_insert(
        self,
        table: str,
        column_names: Sequence[str],
        insert_block: bytes,
        settings: Mapping[str, object],
        fmt: str,
        compression: str | None = None,
    ) -> None:
        assert fmt == "Native"
        if self.error is not None:
            raise self.error
        columns = self.tables.get(table)
        if columns is None:
            raise DatabaseError(f"Code: {UNKNOWN_TABLE}. there is no table {table}", code=UNKNOWN_TABLE)
        if unknown := set(column_names) - set(columns):
            raise DatabaseError(f"Code: {NO_SUCH_COLUMN}. no column {unknown}", code=NO_SUCH_COLUMN)
        body = bytes(cramjam.zstd.decompress(insert_block)) if compression == "zstd" else insert_block
        self.rows[table] += _rows(body)
        self.compressions.append(compression)
        self.inserted.append((table, tuple(column_names), body, settings))


class _Result:
    def __init__(self, rows: Sequence[Sequence[object]]) -> None:
        self.result_rows = rows


class _Source:
    """A body as clickhouse-connect reads it."""

    exception_tag = None

    def __init__(self, body: bytes) -> None:
        self.gen = iter([body])

    def close(self) -> None: ...


def _rows(body: bytes) -> Sequence[tuple[object, ...]]:
    try:
        result = NativeTransform.parse_response(ResponseBuffer(_Source(body)), QueryContext())
    except StreamFailureError as error:
        raise DatabaseError(
            f"Code: {CANNOT_READ_ALL_DATA}. the block ends early", code=CANNOT_READ_ALL_DATA
        ) from error
    return [tuple(row) for row in result.result_rows]
