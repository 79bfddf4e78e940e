"""Whether readers with one schema can read what writers with another wrote: Avro's resolution rules."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.codec.model import (
    MISSING,
    Array,
    Enum,
    Fixed,
    Map,
    Node,
    Primitive,
    Record,
    Schema,
    Union,
    parse,
)

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def breaks(reader: Schema, writer: Schema) -> list[str]:
    """Why the reader's schema could not read the writer's records; nothing where it can.

    Both as parsed JSON. Each reason names the field.
    """
    return list(_breaks(parse(reader)[0], parse(writer)[0], "", frozenset()))


def _breaks(reader: Node, writer: Node, path: str, seen: frozenset[tuple[int, int]]) -> Iterator[str]:
    where = path or "(record)"
    match reader, writer:
        case _, Union(branches):
            for branch in branches:
                yield from _breaks(reader, branch, path, seen)
        case Union(branches), _:
            reasons = [list(_breaks(branch, writer, path, seen)) for branch in branches]
            if all(reasons):
                alike = [
                    found for found, branch in zip(reasons, branches, strict=True) if _alike(branch, writer)
                ]
                yield from alike[0] if alike else [f"{where}: no branch of the union reads {_name(writer)}"]
        case Record(), Record():
            yield from _record_breaks(reader, writer, path, seen)
        case Array(mine), Array(theirs):
            yield from _breaks(mine, theirs, f"{path}[]", seen)
        case Map(mine), Map(theirs):
            yield from _breaks(mine, theirs, f"{path}{{}}", seen)
        case Enum(), Enum():
            lost = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
            if _short(reader) != _short(writer):
                yield f"{where}: enum {_name(writer)} became {_name(reader)}"
            elif lost and reader.default is None:
                yield f"{where}: enum {_name(reader)} lost {', '.join(lost)} and has no default"
        case Fixed(), Fixed():
            if (_short(reader), reader.size) != (_short(writer), writer.size):
                became = f"{_name(reader)} of {reader.size}"
                yield f"{where}: {_name(writer)} of {writer.size} bytes became {became}"
        case Primitive(mine, unit), Primitive(theirs, their_unit):
            if mine != theirs and mine not in _PROMOTIONS.get(theirs, ()):
                yield f"{where}: {theirs} became {mine}"
            elif unit != their_unit and mine != "null":
                yield f"{where}: logical type {their_unit or 'none'} became {unit or 'none'}"
        case _:
            yield f"{where}: {_name(writer)} became {_name(reader)}"


def _record_breaks(
    reader: Record, writer: Record, path: str, seen: frozenset[tuple[int, int]]
) -> Iterator[str]:
    pair = (id(reader), id(writer))
    if pair in seen:
        return
    if _short(reader) != _short(writer):
        yield f"{path or '(record)'}: record {_name(writer)} became {_name(reader)}"
    theirs = {each.name: each for each in writer.fields}
    stem = f"{path}." if path else ""
    for each in reader.fields:
        known = next((theirs[name] for name in (each.name, *each.aliases) if name in theirs), None)
        if known is not None:
            yield from _breaks(each.type, known.type, stem + each.name, seen | {pair})
        elif each.default is MISSING:
            yield f"{stem}{each.name}: new, and it has no default"


def _alike(reader: Node, writer: Node) -> bool:
    return type(reader) is type(writer) and not isinstance(reader, Primitive)


def _short(node: Record | Enum | Fixed) -> str:
    return node.name.rpartition(".")[2]


def _name(node: Node) -> str:
    match node:
        case Primitive(kind):
            return kind
        case Record() | Enum() | Fixed():
            return node.name
        case _:
            return type(node).__name__.lower()
