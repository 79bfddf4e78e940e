"""Records as JSON for people and scripts, and back: bytes as 0x hex, everything else as it stands."""

from __future__ import annotations

import math

from schemas.codec.model import Array, Fixed, Map, Node, Primitive, Record, Union, Value


def to_json(value: Value) -> Value:
    """The value with bytes as 0x hex; numbers that JSON does not know as null."""
    match value:
        case bytes() | bytearray():
            return f"0x{value.hex()}"
        case dict():
            return {key: to_json(each) for key, each in value.items()}
        case list() | tuple():
            return [to_json(each) for each in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def from_json(node: Node, value: Value) -> Value:
    """The value of a type that `to_json` wrote. Raises ValueError where hex is expected and is none."""
    match node:
        case Fixed() | Primitive("bytes"):
            if not isinstance(value, str) or not value.startswith("0x"):
                raise ValueError(f"{value!r} is not a 0x hex")
            return bytes.fromhex(value[2:])
        case Array(items):
            return [from_json(items, each) for each in value]
        case Map(values):
            return {key: from_json(values, each) for key, each in value.items()}
        case Union() if node.optional is not None:
            return None if value is None else from_json(node.optional[1], value)
        case Record():
            return {each.name: from_json(each.type, value[each.name]) for each in node.fields}
        case _:
            return value
