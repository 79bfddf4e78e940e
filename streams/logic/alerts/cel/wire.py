"""Protocol buffers' wire format, as much as a syntax tree needs of it.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

Field: TypeAlias = "int | bytes"


class Message:
    """The fields of a message by number, in the order in which they stand."""

    __slots__ = ("_fields",)

    def __init__(self, raw: bytes) -> None:
        self._fields: dict[int, list[Field]] = {}
        for number, value in _fields(raw):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def number(self, field: int) -> int:
        """A varint, 0 when it is left out. Raises ValueError for one of another wire type."""
        value = self._fields.get(field, [0])[-1]
        if not isinstance(value, int):
            raise ValueError(f"field {field} is not a number")
        return value

    def signed(self, field: int) -> int:
        """An int64."""
        value = self.number(field)
        return value - (1 << 64) if value >> 63 else value

    def raw(self, field: int) -> bytes:
        """The bytes of a field, empty when it is left out."""
        value = self._fields.get(field, [b""])[-1]
        if not isinstance(value, bytes):
            raise ValueError(f"field {field} has no length")
        return value

    def text(self, field: int) -> str:
        """A string."""
        return self.raw(field).decode()

    def message(self, field: int) -> Message:
        """A message, an empty one when it is left out."""
        return Message(self.raw(field))

    def messages(self, field: int) -> Iterator[Message]:
        """A repeated message."""
        for value in self._fields.get(field, ()):
            if not isinstance(value, bytes):
                raise ValueError(f"field {field} has no length")
            yield Message(value)


def _fields(raw: bytes) -> Iterator[tuple[int, Field]]:
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        match tag & 7:
            case 0:
                value, at = _varint(raw, at)
                yield tag >> 3, value
            case 2:
                size, at = _varint(raw, at)
                if at + size > len(raw):
                    raise ValueError("a field ends after its message")
                yield tag >> 3, raw[at : at + size]
                at += size
            case 1 | 5 as fixed:
                size = 8 if fixed == 1 else 4
                yield tag >> 3, raw[at : at + size]
                at += size
            case other:
                raise ValueError(f"wire type {other}")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
