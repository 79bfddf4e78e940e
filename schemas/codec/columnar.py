"""Generates the readers of many records at once: rows for columns, and the parts of a block message."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.codec.model import Array, Field, Node, Primitive, Record, Union
from schemas.codec.reader import ReaderSource
from schemas.codec.records import COMMON, Selection


def shared_fields(record: Record) -> int:
    """How many leading fields are COMMON: all six, or none."""
    return len(COMMON) if record.names[: len(COMMON)] == COMMON else 0


def rows_source(record: Record, wanted: Sequence[str]) -> ReaderSource:
    """Module with `rows(bodies, offset, rows, runs)`: appends one tuple of the wanted fields a body.

    Wanted fields that are COMMON go to `runs` instead, as (number of the row it starts at, values), and
    are read only when the bytes differ from the previous record's: an encoding has one meaning, so equal
    bytes are equal values. On failure `len(rows)` is the number of the body that failed.
    """
    reader = ReaderSource()
    line, block = reader.source.line, reader.source.block
    shared = shared_fields(record)
    targets = [f"f{n}" if each.name in wanted else None for n, each in enumerate(record.fields)]
    with block("def rows(bodies, offset, rows, runs):"):
        line("append = rows.append")
        line("prefix = None")
        with block("for b in bodies:"):
            if shared:
                with block("if prefix is not None and b.startswith(prefix, offset):"):
                    line("i = after")
                with block("else:"):
                    line("i = offset")
                    reader.fields(record.fields[:shared], targets[:shared])
                    reader.settle()
                    line("prefix = b[offset:i]")
                    line("after = i")
                    line(f"runs.append((len(rows), {_tuple(targets[:shared])}))")
            else:
                line("i = offset")
            reader.fields(record.fields[shared:], targets[shared:])
            reader.settle()
            with block("if i != len(b):"):
                line("raise Odd")
            line(f"append({_tuple(targets[shared:])})")
    reader.flush()
    return reader


def leading_source(record: Record) -> ReaderSource:
    """Module with `leading(bodies, offset, runs)`: the COMMON values of each run of bodies that begin alike.

    What follows them is not looked at.
    """
    reader = ReaderSource()
    line, block = reader.source.line, reader.source.block
    targets = [f"f{n}" for n in range(len(COMMON))]
    with block("def leading(bodies, offset, runs):"):
        line("prefix = None")
        with block("for b in bodies:"), block("if prefix is None or not b.startswith(prefix, offset):"):
            line("i = offset")
            reader.fields(record.fields[: len(COMMON)], targets)
            reader.settle()
            with block("if i > len(b):"):
                line("raise Odd")
            line("prefix = b[offset:i]")
            line(f"runs.append({_tuple(targets)})")
    reader.flush()
    return reader


def read_source(node: Node) -> ReaderSource:
    """Module with `read(b, i)` → the value from `i` to the end."""
    reader = ReaderSource()
    line = reader.source.line
    with reader.source.block("def read(b, i):"):
        line(f"v, i = {reader.function(node)}(b, i)")
        with reader.source.block("if i != len(b):"):
            line("raise Odd")
        line("return v")
    reader.flush()
    return reader


def message_source(record: Record, selection: Selection) -> ReaderSource:
    """Module with `message(b, i)` → (values, bodies, {field: (rows, bodies)}) of the chosen fields."""
    reader = ReaderSource()
    line = reader.source.line
    with reader.source.block("def message(b, i):"):
        line("values = {}")
        line("bodies = {}")
        line("records = {}")
        at = 0
        while at < len(record.fields):
            if record.fields[at].name in selection:
                _message_field(reader, record.fields[at], selection[record.fields[at].name])
                at += 1
                continue
            start = at
            while at < len(record.fields) and record.fields[at].name not in selection:
                at += 1
            reader.fields(record.fields[start:at], [None] * (at - start))
        reader.settle()
        with reader.source.block("if i != len(b):"):
            line("raise Odd")
        line("return values, bodies, records")
    reader.flush()
    return reader


def record_items(node: Node) -> Record | None:
    """The record type of an array of records, else None."""
    return node.items if isinstance(node, Array) and isinstance(node.items, Record) else None


def record_of(node: Node) -> tuple[int | None, Record] | None:
    """(index of null if it may be null, record type) of a field that is one record, else None."""
    if isinstance(node, Record):
        return None, node
    if isinstance(node, Union) and node.optional is not None and isinstance(node.optional[1], Record):
        return node.optional[0], node.optional[1]
    return None


def _tuple(targets: Sequence[str | None]) -> str:
    return f"({''.join(f'{target}, ' for target in targets if target)})"


def _message_field(reader: ReaderSource, field: Field, names: Sequence[str] | None) -> None:
    line, block = reader.source.line, reader.source.block
    items, single = record_items(field.type), record_of(field.type)
    if items is not None:
        targets = [
            f"f{n}" if names is None or each.name in names else None for n, each in enumerate(items.fields)
        ]
        rows, bodies = reader.source.fresh("rows"), reader.source.fresh("bodies")
        line(f"{rows} = []")
        line(f"{bodies} = []")
        with reader.blocks(items):
            line("s = i")
            reader.fields(items.fields, targets)
            reader.settle()
            line(f"{rows}.append({_tuple(targets)})")
            line(f"{bodies}.append(b[s:i])")
        line(f"records[{field.name!r}] = ({rows}, {bodies})")
    elif single is not None:
        null, node = single
        reader.settle()
        if null is None:
            _one_record(reader, field.name, node)
            return
        reader.value(Primitive("int"), "tag")
        reader.settle()
        with block(f"if tag == {1 - null}:"):
            _one_record(reader, field.name, node)
        with block(f"elif tag == {null}:"):
            line(f"values[{field.name!r}] = None")
        with block("else:"):
            line("raise Odd")
    else:
        value = reader.source.fresh("value")
        reader.value(field.type, value)
        line(f"values[{field.name!r}] = {value}")


def _one_record(reader: ReaderSource, name: str, node: Record) -> None:
    line = reader.source.line
    line("s = i")
    line(f"values[{name!r}], i = {reader.function(node)}(b, i)")
    line(f"bodies[{name!r}] = b[s:i]")
