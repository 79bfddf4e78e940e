"""One table as the sink writes it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

import cramjam
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.native import Column, Encoder, block, encoder
from connectors.clickhouse.sink.rows import Columns
from headwater.errors import Fatal, Permanent, Transient
from headwater.logging import get_logger
from headwater.metrics import sink as metrics
from headwater.redaction import brief

# What ClickHouse says when the rows are at fault (ErrorCodes.cpp). Anything else is not held against
# them: a good row must never end in the dead letters because a table was missing or a disk was full.
ROW_CODES: Final = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        190,  # SIZES_OF_ARRAYS_DONT_MATCH
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)

# Of inserts that ClickHouse decodes itself: one thread, so that rows come in order and make one part; arrays
# that are null are empty, as everywhere here; and a length that is wrong takes no more memory than this.
MOST_MEMORY: Final = 2 << 30
JOINED_SETTINGS: Final[Mapping[str, int]] = {
    "max_threads": 1,
    "input_format_null_as_default": 1,
    "max_memory_usage": MOST_MEMORY,
}

# What the client raises; a connection that breaks while an answer is read comes through as it is.
FAILURES: Final = (ClickHouseError, HTTPError, OSError)

_log = get_logger("connectors.clickhouse.sink")


# What ClickHouse says when an insert meets a limit of memory: the user's, the query's or the server's.
MEMORY_LIMIT_EXCEEDED: Final = 241


class MemoryLimit(Transient):
    """ClickHouse has no memory for an insert of this size: a smaller one may fit at once."""


class RowsRejected(Permanent):
    """ClickHouse rejects the rows themselves."""


class RawClient(Client, Protocol):
    """clickhouse-connect's client with the insert of a ready-made block, or of a statement with its data."""

    def raw_insert(
        self,
        table: str | None,
        column_names: Sequence[str] | None,
        insert_block: bytes,
        settings: Mapping[str, object],
        fmt: str | None,
        compression: str | None = None,
    ) -> object: ...


class Table:
    """Encodes columns and inserts them; several threads may use it. `columns`: those written, with types."""

    def __init__(
        self,
        client: RawClient,
        database: str,
        name: str,
        encoders: Mapping[str, Encoder],
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.full_name = f"{database}.{name}"
        self.columns: Mapping[str, str] = columns or {}
        self._client = client
        self._encoders = encoders
        self._settings = insert_settings(client)
        self._joined_settings = {**self._settings, **_joined_settings(client)}
        # As the client does with its own inserts: not on the same machine.
        self._compress = bool(getattr(client, "write_compression", None))

    def encode(self, columns: Columns) -> bytes:
        """A block of the columns that the table has. Raises WrongColumn for a value that does not fit."""
        return block([(name, each, columns[name]) for name, each in self._encoders.items()])

    def insert(self, encoded: bytes, rows: int) -> None:
        """Put a block in; when this returns ClickHouse has acknowledged it.

        Raises RowsRejected when the rows are at fault, MemoryLimit when there are too many of them at
        once, Transient for anything else.
        """
        self._send(encoded, rows, self.full_name, list(self._encoders), "Native", self._settings)

    def insert_joined(self, body: bytes, rows: int) -> None:
        """The same with an INSERT … FORMAT Avro that has its data behind it."""
        self._send(body, rows, None, None, None, self._joined_settings)

    def _send(
        self,
        encoded: bytes,
        rows: int,
        table: str | None,
        names: Sequence[str] | None,
        form: str | None,
        settings: Mapping[str, object],
    ) -> None:
        started = time.monotonic()
        body, compression = (
            (bytes(cramjam.zstd.compress(encoded, 1)), "zstd") if self._compress else (encoded, None)
        )
        try:
            self._client.raw_insert(table, names, body, dict(settings), form, compression)
        except FAILURES as error:
            raise _classified(self.full_name, error) from error
        metrics.SINK_INSERT_SECONDS.labels(self.name).observe(time.monotonic() - started)
        metrics.SINK_BATCH_ROWS.labels(self.name).observe(rows)

    def write(self, columns: Columns) -> None:
        """Encode and insert."""
        rows: Column = next(iter(columns.values()))
        self.insert(self.encode(columns), len(rows))


def _joined_settings(client: RawClient) -> Mapping[str, int]:
    """`JOINED_SETTINGS`, with the limit of memory that the server has where that is lower."""
    setting = getattr(client, "server_settings", {}).get("max_memory_usage")
    limit = int(setting.value) if setting is not None else 0
    return {**JOINED_SETTINGS, "max_memory_usage": min(limit or MOST_MEMORY, MOST_MEMORY)}


def open_table(
    client: RawClient, database: str, name: str, names: Sequence[str], left_out: Sequence[str] = ()
) -> Table:
    """The table for columns of these names.

    One that it has beside them is of a newer version, whose tables a rollback leaves: rows of ours look there
    as those from before it came. Raises Transient when ClickHouse does not answer, Fatal when the table lacks
    one of the columns.
    """
    try:
        found = client.query(
            "SELECT name, type, default_kind FROM system.columns "
            f"WHERE database = '{database}' AND table = '{name}' ORDER BY position"
        ).result_rows
    except FAILURES as error:
        raise _classified(name, error) from error
    types = {
        str(column): str(kind) for column, kind, default in found if default not in ("ALIAS", "MATERIALIZED")
    }
    missing = [each for each in names if each not in types and each not in left_out]
    if missing or not found:
        what = f"lacks {', '.join(missing)}" if found else "does not exist"
        raise Fatal(f"table {database}.{name} {what}", remedy="run `headwater migrate`")
    if newer := [str(column) for column, _, default in found if not default and column not in names]:
        _log.info("the table has columns of a newer version, which stay empty", table=name, columns=newer)
    return Table(
        client,
        database,
        name,
        {each: encoder(types[each], each) for each in names if each in types},
        {each: types[each] for each in names if each in types},
    )


def _classified(table: str, error: Exception) -> Permanent | Transient:
    code = cast("int | None", getattr(error, "code", None))
    text = brief(error)
    if code in ROW_CODES:
        return RowsRejected(f"{table} refuses the rows: {text}")
    kind = MemoryLimit if code == MEMORY_LIMIT_EXCEEDED else Transient
    return kind(f"cannot insert into {table}: {text}")
