"""`Codec`: one schema's writers and readers, generated when it is made, or when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from schemas.codec import check, reader, writer
from schemas.codec.columnar import (
    leading_source,
    message_source,
    read_source,
    record_items,
    record_of,
    rows_source,
    shared_fields,
)
from schemas.codec.model import Node, Record
from schemas.codec.records import COMMON, Message, Records, Selection
from schemas.codec.strict import StrictReader
from schemas.errors import MalformedRecord
from schemas.wire import HEADER_SIZE, MAGIC

T = TypeVar("T")
_Rows: TypeAlias = tuple[list[tuple[object, ...]], list[bytes]]
"""Of an array of records: each record's chosen values, and its own bytes."""
_Read: TypeAlias = tuple[dict[str, object], dict[str, bytes], dict[str, _Rows]]
"""Of a message: values, own bytes of fields that are a record, arrays of records."""


class Codec:
    """Writes and reads the Avro bodies of one record type.

    Writing raises WrongValue, reading MalformedRecord: both name subject and field.
    """

    def __init__(self, subject: str, record: Record) -> None:
        self.subject = subject
        self.record = record
        source = writer.WriterSource()
        source.positional("pack", record.fields)
        source.whole("write", record)
        namespace = source.source.compile(f"{subject} writer")
        self._pack: Callable[..., bytes] = namespace["pack"]
        self._write: Callable[[Mapping[str, object]], bytes] = namespace["write"]
        self._read: Callable[[bytes, int], dict[str, object]] = read_source(record).source.compile(
            f"{subject} reader"
        )["read"]
        self._leading: Callable[..., None] | None = None
        self._rows: dict[tuple[str, ...], Callable[..., None]] = {}
        self._messages: dict[tuple[object, ...], Callable[[bytes, int], _Read]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order."""
        return self.record.names

    def write(self, record: Mapping[str, object]) -> bytes:
        """A record's body; a missing field takes its default, one that is not in the schema is left out."""
        try:
            return self._write(record)
        except writer.FAILURES as error:
            raise check.explain(self.subject, self.record, record, error) from error

    def write_values(self, *values: object) -> bytes:
        """The same from the values in field order, all of them: the fast way."""
        try:
            return self._pack(*values)
        except writer.FAILURES as error:
            self._arity(self.names, values)
            record = dict(zip(self.names, values, strict=True))
            raise check.explain(self.subject, self.record, record, error) from error

    def split(self, first: Sequence[str] = COMMON) -> SplitWriter:
        """A writer that encodes the leading fields `first` apart from the rest."""
        return SplitWriter(self, tuple(first))

    def read(self, body: bytes, offset: int = 0) -> dict[str, object]:
        """One record, from `offset` to the end. Timestamps stay integers (milliseconds)."""
        try:
            return self._read(body, offset)
        except reader.FAILURES:
            strict = self._strict(body, offset)
            record = strict.record(self.record, "")
            strict.end()
            return record

    def columns(
        self, bodies: Sequence[bytes], *, offset: int = HEADER_SIZE, fields: Sequence[str] | None = None
    ) -> dict[str, list[object]]:
        """Records, each from `offset` to its end, as columns: all fields, or the named ones in that order.

        Fields that are not asked for are passed over: their lengths are checked, their content is not.
        MalformedRecord says in `index` which body it is about.
        """
        wanted = self.names if fields is None else tuple(fields)
        shared = shared_fields(self.record)
        rows: list[tuple[object, ...]] = []
        runs: list[tuple[int, tuple[object, ...]]] = []
        read_rows = self._rows_reader(wanted)
        leading = [name for name in self.names[:shared] if name in wanted]
        rest = [name for name in self.names[shared:] if name in wanted]
        while len(rows) < len(bodies):
            try:
                read_rows(bodies[len(rows) :] if rows else bodies, offset, rows, runs)
            except reader.FAILURES:
                record = self._read_one_of(bodies, len(rows), offset)
                if runs and runs[-1][0] == len(rows):
                    runs.pop()
                if shared:
                    runs.append((len(rows), tuple(record[name] for name in leading)))
                rows.append(tuple(record[name] for name in rest))
        columns = dict(zip(leading, _repeated(runs, len(rows), len(leading)), strict=True))
        columns.update(zip(rest, _transposed(rows, len(rest)), strict=True))
        return {name: columns[name] for name in wanted}

    def leading(self, bodies: Sequence[bytes], *, offset: int = HEADER_SIZE) -> dict[str, list[object]]:
        """The COMMON fields as columns, a row for each run of bodies that begin with the same ones.

        What follows them is not read. Raises ValueError where the schema does not begin with them,
        MalformedRecord where a body does not begin as records are written.
        """
        if not shared_fields(self.record):
            raise ValueError(f"records of {self.subject} do not begin with {', '.join(COMMON)}")
        if self._leading is None:
            self._leading = leading_source(self.record).source.compile(f"{self.subject} leading")["leading"]
        runs: list[tuple[object, ...]] = []
        try:
            self._leading(bodies, offset, runs)
        except reader.FAILURES as error:
            raise MalformedRecord(
                self.subject, None, offset, "", "does not begin as records are written"
            ) from error
        return dict(zip(COMMON, _transposed(runs, len(COMMON)), strict=True))

    def message(self, body: bytes, fields: Selection, *, offset: int = HEADER_SIZE) -> Message:
        """The chosen fields of one message. Arrays of records become columns of the chosen names.

        `{"header": None, "logs": ("address",)}`: the whole header, of the logs one column and all bodies.
        """
        key = tuple((name, None if names is None else tuple(names)) for name, names in fields.items())
        read = self._messages.get(key)
        if read is None:
            read = self._messages[key] = self._message_reader(fields)
        try:
            values, bodies, arrays = read(body, offset)
        except reader.FAILURES:
            values, bodies, arrays = self._strict_message(body, offset, fields)
        records = {}
        for name, (rows, slices) in arrays.items():
            items = record_items(self._type(name))
            chosen = fields[name]
            names = (
                [] if items is None else [each for each in items.names if chosen is None or each in chosen]
            )
            columns = dict(zip(names, _transposed(rows, len(names)), strict=True))
            records[name] = Records(len(slices), columns, slices)
        return Message(values, bodies, records)

    def _read_one_of(self, bodies: Sequence[bytes], index: int, offset: int) -> dict[str, object]:
        try:
            return self.read(bodies[index], offset)
        except MalformedRecord as error:
            error.index = index
            raise

    def _arity(self, names: Sequence[str], values: Sequence[object]) -> None:
        if len(names) != len(values):
            raise TypeError(
                f"{self.subject}: {len(values)} values for the {len(names)} fields {', '.join(names)}"
            )

    def _type(self, name: str) -> Node:
        for each in self.record.fields:
            if each.name == name:
                return each.type
        raise ValueError(f"{self.subject} has no field {name}; it has {', '.join(self.names)}")

    def _rows_reader(self, wanted: tuple[str, ...]) -> Callable[..., None]:
        if wanted not in self._rows:
            for name in wanted:
                self._type(name)
            source = rows_source(self.record, wanted).source
            self._rows[wanted] = source.compile(f"{self.subject} columns")["rows"]
        return self._rows[wanted]

    def _message_reader(self, fields: Selection) -> Callable[[bytes, int], _Read]:
        for name, names in fields.items():
            items = record_items(self._type(name))
            unknown = set(names or ()) - set(items.names if items else ())
            if unknown:
                raise ValueError(
                    f"{self.subject}: records of {name} have no field {', '.join(sorted(unknown))}"
                )
        read: Callable[[bytes, int], _Read] = message_source(self.record, fields).source.compile(
            f"{self.subject} message"
        )["message"]
        return read

    def _strict(self, body: bytes, offset: int) -> StrictReader:
        framed = offset == HEADER_SIZE and len(body) >= HEADER_SIZE and body[0] == MAGIC
        schema_id = int.from_bytes(body[1:HEADER_SIZE], "big") if framed else None
        return StrictReader(body, offset, self.subject, schema_id)

    def _strict_message(self, body: bytes, offset: int, fields: Selection) -> _Read:
        strict = self._strict(body, offset)
        values: dict[str, object] = {}
        bodies: dict[str, bytes] = {}
        arrays: dict[str, _Rows] = {}
        for each in self.record.fields:
            items, single = record_items(each.type), record_of(each.type)
            if items is not None:
                found = strict.elements(each.type, items, each.name)
                chosen = fields.get(each.name)
                names = [name for name in items.names if chosen is None or name in chosen]
                rows = [tuple(record[name] for name in names) for record, _ in found]
                arrays[each.name] = rows, [own for _, own in found]
            elif single is not None:
                values[each.name], own = strict.one(each.type, each.name)
                if own is not None:
                    bodies[each.name] = own
            else:
                values[each.name] = strict.read(each.type, each.name)
        strict.end()
        return _chosen(values, fields), _chosen(bodies, fields), _chosen(arrays, fields)


class SplitWriter:
    """Writes a record in two pieces: leading fields that many records share, and the rest of each."""

    def __init__(self, codec: Codec, first: tuple[str, ...]) -> None:
        if codec.names[: len(first)] != first:
            raise ValueError(
                f"{codec.subject}: its first fields are {codec.names[: len(first)]}, not {first}"
            )
        self._codec = codec
        self._first = codec.record.fields[: len(first)]
        self._rest = codec.record.fields[len(first) :]
        source = writer.WriterSource()
        source.positional("prefix", self._first)
        source.positional("rest", self._rest)
        namespace = source.source.compile(f"{codec.subject} split writer")
        self._prefix: Callable[..., bytes] = namespace["prefix"]
        self._tail: Callable[..., bytes] = namespace["rest"]

    def prefix(self, *values: object) -> bytes:
        """The bytes of the leading fields."""
        try:
            return self._prefix(*values)
        except writer.FAILURES as error:
            raise self._explain(Record(self._codec.record.name, self._first), values, error) from error

    def rest(self, *values: object) -> bytes:
        """The bytes of all other fields, to stand after a prefix."""
        try:
            return self._tail(*values)
        except writer.FAILURES as error:
            raise self._explain(Record(self._codec.record.name, self._rest), values, error) from error

    def _explain(self, record: Record, values: Sequence[object], error: Exception) -> Exception:
        self._codec._arity(record.names, values)
        return check.explain(self._codec.subject, record, dict(zip(record.names, values, strict=True)), error)


def _chosen(found: Mapping[str, T], fields: Selection) -> dict[str, T]:
    return {name: value for name, value in found.items() if name in fields}


def _transposed(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _repeated(runs: Sequence[tuple[int, tuple[object, ...]]], count: int, width: int) -> list[list[object]]:
    """Columns of the values that hold from each run's first row to the next run's."""
    columns: list[list[object]] = [[] for _ in range(width)]
    for number, (start, values) in enumerate(runs):
        length = (runs[number + 1][0] if number + 1 < len(runs) else count) - start
        for column, value in zip(columns, values, strict=True):
            column += [value] * length
    return columns
