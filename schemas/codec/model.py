"""An Avro schema as a tree of nodes: what the generators of writers and readers walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

Schema: TypeAlias = str | list[Any] | dict[str, Any]
"""An Avro schema as parsed JSON: a type's name, a union, or an object with `type`."""

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_PRIMITIVE_SIZES = {"null": 0, "float": 4, "double": 8}


class _Missing:
    """A field without a default."""


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Primitive:
    kind: str
    logical: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    name: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Enum:
    name: str
    symbols: tuple[str, ...]
    default: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    items: Node


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    values: Node


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    branches: tuple[Node, ...]

    @property
    def optional(self) -> tuple[int, Node] | None:
        """(index of null, the other branch) of a union of null and one other type, else None."""
        if len(self.branches) != 2:
            return None
        for index, branch in enumerate(self.branches):
            other = self.branches[1 - index]
            if is_null(branch) and not is_null(other):
                return index, other
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    name: str
    type: Node
    default: object = MISSING
    aliases: tuple[str, ...] = ()


@dataclass(eq=False)
class Record:
    """Not frozen: a recursive record's fields are known only after the record itself."""

    name: str
    fields: tuple[Field, ...] = field(default=())

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.fields)


Node: TypeAlias = Primitive | Fixed | Enum | Array | Map | Union | Record
Named: TypeAlias = Fixed | Enum | Record


def is_null(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind == "null"


def parse(schema: Schema) -> tuple[Node, dict[str, Named]]:
    """The tree of a schema given as parsed JSON, and its named types by full name.

    Raises ValueError for what is not an Avro schema.
    """
    names: dict[str, Named] = {}
    try:
        return _parse(schema, "", names), names
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        # Something is absent, of another type, or without end.
        raise ValueError(f"not an Avro schema: {type(error).__name__}: {error}") from error


def _parse(schema: object, namespace: str, names: dict[str, Named]) -> Node:
    if isinstance(schema, str):
        if schema in PRIMITIVES:
            return Primitive(schema)
        for name in (schema, f"{namespace}.{schema}"):
            if name in names:
                return names[name]
        raise ValueError(f"unknown type {schema!r} in an Avro schema")
    if isinstance(schema, Sequence):
        return Union(tuple(_parse(branch, namespace, names) for branch in schema))
    if not isinstance(schema, Mapping) or "type" not in schema:
        raise ValueError(f"not an Avro schema: {schema!r}")
    kind = schema["type"]
    if kind in ("record", "error", "enum", "fixed"):
        return _named(schema, str(kind), namespace, names)
    if kind == "array":
        return Array(_parse(schema["items"], namespace, names))
    if kind == "map":
        return Map(_parse(schema["values"], namespace, names))
    if isinstance(kind, str) and kind in PRIMITIVES:
        return Primitive(kind, str(schema.get("logicalType", "")))
    return _parse(kind, namespace, names)


def _named(schema: Mapping[str, Any], kind: str, namespace: str, names: dict[str, Named]) -> Named:
    name, space = str(schema["name"]), str(schema.get("namespace", namespace))
    if "." in name:
        space = name.rpartition(".")[0]
    full = name if "." in name or not space else f"{space}.{name}"
    if full in names:
        raise ValueError(f"{full} is defined twice in an Avro schema")
    if kind == "fixed":
        return names.setdefault(full, Fixed(full, int(schema["size"])))
    if kind == "enum":
        return names.setdefault(full, Enum(full, tuple(map(_text, schema["symbols"])), schema.get("default")))
    record = Record(full)
    names[full] = record
    record.fields = tuple(
        Field(
            name=_text(each["name"]),
            type=(node := _parse(each["type"], space, names)),
            default=from_json(node, each["default"]) if "default" in each else MISSING,
            aliases=tuple(each.get("aliases", ())),
        )
        for each in schema["fields"]
    )
    return record


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise ValueError(f"a name in an Avro schema is text, not {name!r}")
    return name


def from_json(node: Node, value: object) -> object:
    """A default as it stands in a schema's JSON, as the value that readers and writers use."""
    match node:
        case Fixed() | Primitive("bytes"):
            return str(value).encode("latin-1")
        case Array(items) if isinstance(value, list):
            return [from_json(items, each) for each in value]
        case Map(values) if isinstance(value, dict):
            return {key: from_json(values, each) for key, each in value.items()}
        case Union(branches):
            if value is None and any(map(is_null, branches)):
                return None
            return from_json(branches[0], value)
        case Record() if isinstance(value, dict):
            return {
                each.name: from_json(each.type, value[each.name]) if each.name in value else each.default
                for each in node.fields
            }
        case Primitive("float" | "double") if isinstance(value, int):
            return float(value)
        case _:
            return value


def least_size(node: Node, within: frozenset[int] = frozenset()) -> int:
    """The fewest bytes that a value of the type takes: bounds a count before anything is read."""
    match node:
        case Primitive(kind):
            return _PRIMITIVE_SIZES.get(kind, 1)
        case Fixed(_, size):
            return size
        case Record():
            if id(node) in within:
                return 0
            return sum(least_size(each.type, within | {id(node)}) for each in node.fields)
        case Union(branches):
            return 1 + min((least_size(branch, within) for branch in branches), default=0)
        case _:
            return 1
