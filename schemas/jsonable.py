"""Records as JSON for people and scripts, and back: bytes as 0x hex, unsigned numbers as what they count."""

from __future__ import annotations

import math
from collections.abc import Mapping

from schemas.codec.model import Array, Field, Fixed, Map, Node, Primitive, Record, Union
from schemas.unsigned import UNSIGNED, from_long, to_long


def to_json(value: object) -> object:
    """The value with bytes as 0x hex; numbers that JSON does not know as null."""
    match value:
        case bytes() | bytearray():
            return f"0x{value.hex()}"
        case dict():
            return {
                key: from_long(each) if key in UNSIGNED and type(each) is int else to_json(each)
                for key, each in value.items()
            }
        case list() | tuple():
            return [to_json(each) for each in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def from_json(record: Record, value: Mapping[str, object]) -> dict[str, object]:
    """The record that `to_json` wrote. Raises ValueError where hex is expected and is none."""
    return {each.name: _field_from_json(each, value[each.name]) for each in record.fields}


def _field_from_json(field: Field, value: object) -> object:
    read = _from_json(field.type, value)
    return to_long(read) if field.name in UNSIGNED and type(read) is int else read


def _from_json(node: Node, value: object) -> object:
    match node:
        case Fixed() | Primitive("bytes"):
            if not isinstance(value, str) or not value.startswith("0x"):
                raise ValueError(f"{value!r} is not a 0x hex")
            return bytes.fromhex(value[2:])
        case Array(items) if isinstance(value, list):
            return [_from_json(items, each) for each in value]
        case Map(values) if isinstance(value, dict):
            return {key: _from_json(values, each) for key, each in value.items()}
        case Union() if node.optional is not None:
            return None if value is None else _from_json(node.optional[1], value)
        case Record() if isinstance(value, dict):
            return from_json(node, value)
        case _:
            return value
