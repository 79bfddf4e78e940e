"""A batch that goes in as it came: joined, and decoded by ClickHouse."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from connectors.clickhouse.sink.avro.casts import NotJoinable
from connectors.clickhouse.sink.avro.container import SEPARATOR_SIZE, Container, container
from connectors.clickhouse.sink.avro.statement import statement
from connectors.clickhouse.sink.messages import VALUE, Message
from connectors.clickhouse.sink.rows import Columns
from schemas.catalog import codec_for, schema_of
from schemas.codec.codec import Codec
from schemas.codec.model import Record, Schema, parse
from schemas.codec.records import COMMON
from schemas.evolution import without_docs
from schemas.wire import HEADER_SIZE, schema_id_of

# Fewer rows are read here: to make out the statement costs ClickHouse some 5 to 20 ms, which is what 1,500
# transactions or 2,000 logs save.
LEAST_ROWS: Final = 4_000


class JoinedTable(Protocol):
    """The part of `Table` that takes a statement with its data."""

    @property
    def full_name(self) -> str: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    def insert_joined(self, body: bytes, rows: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Writer:
    """What there is for the messages of one frame."""

    statement: bytes
    container: Container
    codec: Codec


class Joined:
    """Inserts messages of one stream whole. `before_insert` is called with the leading fields."""

    def __init__(
        self,
        stream: str,
        schema_of_id: Callable[[int], Schema | None],
        table: JoinedTable,
        before_insert: Callable[[Columns], None] | None = None,
        least_rows: int = LEAST_ROWS,
    ) -> None:
        self._stream = stream
        self._schema_of_id = schema_of_id
        self._table = table
        self._before_insert = before_insert
        self.least_rows = least_rows
        self._separator = os.urandom(SEPARATOR_SIZE)
        self._writers: dict[bytes, _Writer | None] = {}

    def insert(self, messages: Sequence[Message]) -> None:
        """When this returns ClickHouse has acknowledged one row per message, none of them a tombstone.

        Raises Permanent or Transient when it has not: then some rows may be in, all of them right.
        """
        values = cast("list[bytes]", list(map(VALUE, messages)))
        head = values[0][:HEADER_SIZE]
        writer = self._writer(head)
        parts = writer.container.joined(values)
        if parts is None:
            raise NotJoinable(f"the messages of {self._stream} were written with several schemas")
        if self._before_insert is not None:
            self._before_insert(writer.codec.leading(values))
        self._table.insert_joined(b"".join((writer.statement, *parts)), len(values))

    def _writer(self, head: bytes) -> _Writer:
        if head not in self._writers:
            self._writers[head] = self._made(head)
        writer = self._writers[head]
        if writer is None:
            raise NotJoinable(f"{self._stream}: ClickHouse cannot decode what schema {head.hex()} describes")
        return writer

    def _made(self, head: bytes) -> _Writer | None:
        writer_schema = self._schema_of_id(schema_id_of(head, self._stream))
        if writer_schema is None:
            # Not remembered: a registry that was lost may know it again.
            raise NotJoinable(f"{self._stream}: the registry has no schema of id {head.hex()}")
        codec = codec_for(self._stream)
        if without_docs(writer_schema) != without_docs(schema_of(self._stream)):
            try:
                root, _ = parse(writer_schema)
            except ValueError:
                return None
            if not isinstance(root, Record):
                return None
            codec = Codec(self._stream, root)
        if self._before_insert is not None and codec.names[: len(COMMON)] != COMMON:
            return None
        try:
            text = statement(
                self._table.full_name,
                self._table.columns,
                codec_for(self._stream).record,
                codec.record,
                self._separator + head,
            )
        except NotJoinable:
            return None
        return _Writer(text.encode() + b"\n", container(writer_schema, head, self._separator), codec)
