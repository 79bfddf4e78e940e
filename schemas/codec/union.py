"""Which branch of a general union a value belongs to: the same choice as fastavro's.

A union of null and one type never comes here; the generated writer decides it with `is None`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.codec.model import MISSING, Array, Enum, Fixed, Map, Node, Primitive, Record, Union
from schemas.codec.varint import INT_RANGE, LONG_RANGE


def branch_of(union: Union, value: object) -> tuple[int, object]:
    """(index of the branch, value to write). A pair (type name, value) chooses the branch itself.

    The first branch that fits wins, except that of several records the one that shares most fields wins,
    and double wins over float. Raises TypeError where none fits.
    """
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        for index, branch in enumerate(union.branches):
            if _name(branch) == value[0]:
                return index, value[1]
    chosen, most_fields = -1, -1
    for index, branch in enumerate(union.branches):
        if not fits(branch, value):
            continue
        if isinstance(branch, Record) and isinstance(value, Mapping):
            shared = sum(name in value for name in branch.names)
            if shared > most_fields:
                chosen, most_fields = index, shared
            continue
        chosen = _widest(union, index)
        break
    if chosen < 0:
        names = ", ".join(map(_name, union.branches))
        raise TypeError(f"{type(value).__name__} fits no branch of the union [{names}]")
    return chosen, value


def _widest(union: Union, index: int) -> int:
    if union.branches[index] == Primitive("float"):
        for other in range(index + 1, len(union.branches)):
            if union.branches[other] == Primitive("double"):
                return other
    return index


def _name(node: Node) -> str:
    match node:
        case Primitive(kind):
            return kind
        case Fixed() | Enum() | Record():
            return node.name
        case Array():
            return "array"
        case Map():
            return "map"
        case Union():
            return "union"


def fits(node: Node, value: object) -> bool:
    """Whether the value is one of the type, deeply."""
    match node:
        case Primitive(kind):
            return _fits_primitive(kind, value)
        case Fixed(_, size):
            return isinstance(value, bytes) and len(value) == size
        case Enum(_, symbols, _):
            return isinstance(value, str) and value in symbols
        case Array(items):
            if not isinstance(value, Sequence) or isinstance(value, str | bytes):
                return False
            return all(fits(items, each) for each in value)
        case Map(values):
            return isinstance(value, Mapping) and all(
                isinstance(key, str) and fits(values, each) for key, each in value.items()
            )
        case Union(branches):
            return any(fits(branch, value) for branch in branches)
        case Record():
            return isinstance(value, Mapping) and all(
                fits(each.type, value.get(each.name, None if each.default is MISSING else each.default))
                for each in node.fields
            )


def _fits_primitive(kind: str, value: object) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool) and value in INT_RANGE
        case "long":
            return isinstance(value, int) and not isinstance(value, bool) and value in LONG_RANGE
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "bytes":
            return isinstance(value, bytes | bytearray)
        case _:
            return isinstance(value, str)
