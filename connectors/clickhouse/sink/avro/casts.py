"""A field of an Avro record as its column, in ClickHouse's SQL: exact, or rejected.

ClickHouse's own conversions are not checked: −1 would become 2^64 − 1, 300 in a UInt8 44, 2^256 a zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from connectors.clickhouse.native import EARLIEST, LATEST, parts
from headwater.errors import Permanent
from schemas.codec.model import MISSING, Array, Enum, Field, Fixed, Node, Primitive, Record, Union
from schemas.unsigned import UNSIGNED

_MOST: Final = str((1 << 256) - 1)
_DIRECT: Final = {"boolean": "Bool", "double": "Float64", "bytes": "String"}


class NotJoinable(Permanent):
    """ClickHouse cannot decode this itself: the messages are read here."""


@dataclass(frozen=True, slots=True)
class Cast:
    """`read_as`: the type that ClickHouse decodes the field to; `value`: the column's value made of it;
    `rejected`: conditions under which it is not a value of the column. NULL is not rejected.
    """

    read_as: str
    value: str
    rejected: tuple[str, ...] = ()


def cast(node: Node, kind: str, source: str, name: str, *, nullable: bool = False) -> Cast:
    """A writer's field of type `node`, named `name`, as a column of type `kind`; `source` is it in SQL.

    `nullable` columns hold NULL for null. Raises NotJoinable for what is not known to come out as the strict
    reader has it.
    """
    outer, _, rest = kind.partition("(")
    inner = rest[:-1]
    if outer == "LowCardinality":
        return cast(node, inner, source, name, nullable=nullable)
    if isinstance(node, Union) and node.optional is not None:
        if outer == "Nullable":
            made = cast(node.optional[1], inner, source, name, nullable=True)
            return replace(made, read_as=f"Nullable({made.read_as})")
        if outer == "Array":
            return cast(node.optional[1], kind, source, name)
    match node:
        case Primitive("long") if outer == "DateTime64" and inner == "3, 'UTC'":
            outside = f"{source} < {EARLIEST} OR {source} >= {LATEST}"
            return Cast("Int64", f"fromUnixTimestamp64Milli({source}, 'UTC')", (outside,))
        case Primitive("long") if outer == "UInt64" and name in UNSIGNED:
            # Its two's complement is what such a field means.
            return Cast("UInt64", source)
        case Primitive("int" | "long" as size) if outer.startswith(("UInt", "Int")) and outer != "UInt256":
            target = f"Nullable({outer})" if nullable else outer
            return Cast("Int32" if size == "int" else "Int64", f"accurateCast({source}, '{target}')")
        case Primitive("string") if outer == "UInt256":
            number = f"toUInt256({source})"
            # What is not a number raises, but of a nullable text it becomes NULL.
            lost = (f"isNull({number}) AND isNotNull({source})",) if nullable else ()
            return Cast("String", number, (_beyond(source), *lost))
        case Primitive("string") if outer == "String":
            return Cast("String", source, (f"NOT isValidUTF8({source})",))
        case Primitive(primitive) if _DIRECT.get(primitive) == outer:
            return Cast(outer, source)
        case Fixed(_, size) if kind == f"FixedString({size})":
            return Cast(kind, source)
        case Enum(_, symbols, _) if outer == "String":
            names = ", ".join(map(literal, symbols))
            none_such = f"{source} < 0 OR {source} >= {len(symbols)}"
            return Cast("Int32", f"arrayElement([{names}], {source} + 1)", (none_such,))
        case Array(items) if outer == "Array":
            return _array(cast(items, inner, _item(source), name), source)
        case Record() if outer == "Tuple":
            return _tuple(node, dict(_columns(inner)), source)
    raise NotJoinable(f"no cast of field {name} to {kind}")


def default(field: Field, kind: str) -> str:
    """What a record has that was written before the field was there. Raises NotJoinable."""
    match field.default:
        case None:
            return "[]" if kind.startswith("Array(") else "NULL"
        case []:
            return "[]"
        case bool() | int() as number if not kind.startswith("DateTime64"):
            return str(int(number))
        case str(text) if isinstance(field.type, Enum) or kind.endswith(("String", "String)")):
            return literal(text)
    what = "no default" if field.default is MISSING else f"default {field.default!r}"
    raise NotJoinable(f"{what} for field {field.name} of type {kind}")


def literal(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _beyond(source: str) -> str:
    # No number of 77 digits is too large, and those of 78 compare as their texts do.
    length = f"length({source})"
    return f"{length} > 77 AND ({length} > 78 OR {source} > '{_MOST}')"


def _item(source: str) -> str:
    return f"item_{source.count('item_') + 1}" if source.startswith("item_") else "item_1"


def _array(item: Cast, source: str) -> Cast:
    name = _item(source)
    value = source if item.value == name else f"arrayMap({name} -> {item.value}, {source})"
    rejected = tuple(f"arrayExists({name} -> ({each}), {source})" for each in item.rejected)
    return Cast(f"Array({item.read_as})", value, rejected)


def _tuple(record: Record, kinds: Mapping[str, str], source: str) -> Cast:
    if set(record.names) != set(kinds):
        raise NotJoinable(f"the fields of {record.name} are not those of its column")
    made = {
        each.name: cast(each.type, kinds[each.name], f"{source}.{each.name}", each.name)
        for each in record.fields
    }
    read_as = f"Tuple({', '.join(f'{name} {made[name].read_as}' for name in kinds)})"
    rejected = tuple(each for name in kinds for each in made[name].rejected)
    if all(made[name].value == f"{source}.{name}" for name in kinds):
        return Cast(read_as, source, rejected)
    return Cast(read_as, f"tuple({', '.join(made[name].value for name in kinds)})", rejected)


def _columns(inner: str) -> Iterator[tuple[str, str]]:
    for part in parts(inner):
        name, _, kind = part.partition(" ")
        yield name, kind
