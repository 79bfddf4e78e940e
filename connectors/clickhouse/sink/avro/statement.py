"""The INSERT … SELECT that takes the messages of one writer's schema into a table."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.clickhouse.sink.avro.casts import NotJoinable, cast, default, literal
from connectors.clickhouse.sink.avro.container import MARK, MARK_SIZE
from schemas.codec.model import Array, Enum, Fixed, Node, Primitive, Record, Union


def statement(table: str, columns: Mapping[str, str], ours: Record, theirs: Record, mark: bytes) -> str:
    """The statement that stands before a container of records of the schema `theirs`.

    `columns` are the table's, with their types; `ours` is the schema that they were made for. Raises
    NotJoinable where the writer's schema differs in more than fields, symbols and documentation.
    """
    written = {each.name: each for each in theirs.fields}
    # As hex: bytes would stand in the error's text, which is none then.
    structure, values, refused = [], [], [f"hex({MARK}) != '{mark.hex().upper()}'"]
    for each in ours.fields:
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
        refused += made.refused
    structure.append(f"{MARK} FixedString({MARK_SIZE})")
    names = ", ".join(name for name in ours.names if name in columns)
    condition = " OR ".join(f"({each})" for each in refused)
    return (
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} "
        f"FROM input({literal(', '.join(structure))}) "
        f"WHERE NOT throwIf(ifNull({condition}, false), 'a message is not as its schema says') FORMAT Avro"
    )


def _resolved(ours: Node, theirs: Node) -> Node:
    """The writer's type, with our default in place of symbols that we do not know."""
    match ours, theirs:
        case Primitive(kind, logical), Primitive(their_kind, their_logical):
            same = (kind, logical) == (their_kind, their_logical)
        case Fixed(_, size), Fixed(_, their_size):
            same = size == their_size
        case Enum(_, symbols, unknown), Enum(name, their_symbols, _):
            if unknown is not None or set(their_symbols) <= set(symbols):
                known = tuple(each if each in symbols else str(unknown) for each in their_symbols)
                return Enum(name, known, unknown)
            same = False
        case Array(items), Array(their_items):
            return Array(_resolved(items, their_items))
        case Union(), Union() if ours.optional and theirs.optional:
            (_, node), (their_null, their_node) = ours.optional, theirs.optional
            branches = (Primitive("null"), _resolved(node, their_node))
            return Union(branches if their_null == 0 else branches[::-1])
        case Record(), Record():
            same = ours.names == theirs.names
            for mine, their in zip(ours.fields, theirs.fields, strict=False):
                _resolved(mine.type, their.type)
        case _:
            same = False
    if not same:
        raise NotJoinable("a field of the writer's schema is of another type")
    return theirs
