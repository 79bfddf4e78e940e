"""The INSERT … SELECT that takes the messages of one writer's schema into a table."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.clickhouse.sink.avro.casts import NotJoinable, cast, default, literal
from connectors.clickhouse.sink.avro.container import MARK, MARK_SIZE
from schemas.codec.model import Array, Enum, Fixed, Node, Primitive, Record, Union


def statement(table: str, columns: Mapping[str, str], reader: Record, writer: Record, mark: bytes) -> str:
    """The statement that stands before a container of records of the schema `writer`.

    `columns` are the table's, with their types; `reader` is the schema that they were made for. Raises
    NotJoinable where the writer's schema differs in more than fields, symbols and documentation.
    """
    written = {each.name: each for each in writer.fields}
    # As hex: bytes would stand in the error's text, which is none then.
    structure, values, rejected = [], [], [f"hex({MARK}) != '{mark.hex().upper()}'"]
    for each in reader.fields:
        if each.name not in columns:
            continue
        kind = columns[each.name]
        if each.name not in written:
            values.append(default(each, kind))
            continue
        node = _resolved(each.type, written[each.name].type)
        made = cast(node, kind, each.name, each.name)
        structure.append(f"{each.name} {made.read_as}")
        values.append(made.value)
        rejected += made.rejected
    structure.append(f"{MARK} FixedString({MARK_SIZE})")
    names = ", ".join(name for name in reader.names if name in columns)
    condition = " OR ".join(f"({each})" for each in rejected)
    return (
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} "
        f"FROM input({literal(', '.join(structure))}) "
        f"WHERE NOT throwIf(ifNull({condition}, false), 'a message is not as its schema says') FORMAT Avro"
    )


def _resolved(reader: Node, writer: Node) -> Node:
    """The writer's type, with the reader's default in place of symbols that it does not know."""
    match reader, writer:
        case Primitive(kind, logical), Primitive(written_kind, written_logical):
            same = (kind, logical) == (written_kind, written_logical)
        case Fixed(_, size), Fixed(_, written_size):
            same = size == written_size
        case Enum(_, symbols, unknown), Enum(name, written_symbols, _):
            if unknown is not None or set(written_symbols) <= set(symbols):
                known = tuple(each if each in symbols else str(unknown) for each in written_symbols)
                return Enum(name, known, unknown)
            same = False
        case Array(items), Array(written_items):
            return Array(_resolved(items, written_items))
        case Union(), Union() if reader.optional and writer.optional:
            (_, node), (written_null, written_node) = reader.optional, writer.optional
            branches = (Primitive("null"), _resolved(node, written_node))
            return Union(branches if written_null == 0 else branches[::-1])
        case Record(), Record():
            same = reader.names == writer.names
            for own, written in zip(reader.fields, writer.fields, strict=False):
                _resolved(own.type, written.type)
        case _:
            same = False
    if not same:
        raise NotJoinable("a field of the writer's schema is of another type")
    return writer
