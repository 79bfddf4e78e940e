"""Avro's zig-zag variable-length integers, by tables."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Final

INT_RANGE: Final = range(-(1 << 31), 1 << 31)
LONG_RANGE: Final = range(-(1 << 63), 1 << 63)

_SHORT: Final = tuple(bytes((z,)) if z < 128 else bytes((z & 127 | 128, z >> 7)) for z in range(1 << 14))
_LINKED: Final = tuple(bytes((z & 127 | 128, z >> 7 | 128)) for z in range(1 << 14))

ONE_BYTE: Final = tuple((z >> 1) ^ -(z & 1) for z in range(1 << 7))
"""Integer of a single byte below 128."""
TWO_BYTES: Final = tuple((z >> 1) ^ -(z & 1) for z in range(1 << 14))
"""Integer of two bytes, at `second << 7 | first & 127`."""
COUNT: Final = tuple(None if z & 1 else z >> 1 for z in range(1 << 7))
"""Length of a single byte; None for a negative one, so that adding it to a position fails."""
COUNTS: Final = tuple(None if z & 1 else z >> 1 for z in range(1 << 14))
"""Length of two bytes, as TWO_BYTES."""


_THREE_FLAGS: Final = (128 << 14) + (128 << 7) + 128


class Odd(ValueError):  # noqa: N818 - often no error: the strict reader decides
    """Bytes that the fast path does not decode; the strict reader decides what they are."""


def encode(number: int) -> bytes:
    """The bytes of a 64-bit integer; the caller has checked the range."""
    z = number << 1 if number >= 0 else ~(number << 1)
    if z < 1 << 14:
        return _SHORT[z]
    if z < 1 << 28:
        return _LINKED[z & 16383] + _SHORT[z >> 14]
    parts = []
    while z >= 1 << 14:
        parts.append(_LINKED[z & 16383])
        z >>= 14
    parts.append(_SHORT[z])
    return b"".join(parts)


class Encodings(dict[object, bytes]):
    """Integer → bytes, each computed at most once while there is room, then every time.

    A subscript of a dictionary is the fastest checked way from an integer to bytes that Python has:
    anything that is not an integer of `allowed` raises TypeError or OverflowError.
    """

    __slots__ = ("_allowed", "_prefix", "_room")

    def __init__(self, allowed: range, *, prefix: bytes = b"", room: int = 1 << 15) -> None:
        super().__init__()
        self._allowed = allowed
        self._prefix = prefix
        self._room = room

    def __missing__(self, key: object) -> bytes:
        number = index(key)  # type: ignore[arg-type]
        if number not in self._allowed:
            raise OverflowError(f"{number} does not fit")
        encoded = self._prefix + encode(number)
        if self._room:
            self._room -= 1
            self[number] = encoded
        return encoded


class OptionalEncodings(Encodings):
    """The same for a union of null and an integer; `null` and `prefix` are the branches' tags."""

    __slots__ = ()

    def __init__(self, allowed: range, *, null: bytes, prefix: bytes) -> None:
        super().__init__(allowed, prefix=prefix, room=1 << 13)
        self[None] = null


def symbols(values: Iterable[str], prefix: bytes = b"") -> dict[object, bytes]:
    """Symbol → bytes of its position: the table of an enum."""
    return {value: prefix + encode(position) for position, value in enumerate(values)}


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """(integer, next position) at any length. Raises IndexError past the end, Odd when it is not a long."""
    z = shift = 0
    while True:
        byte = data[at]
        at += 1
        z |= (byte & 127) << shift
        if byte < 128:
            if z >> 64:
                raise Odd("more than 64 bits")
            return (z >> 1) ^ -(z & 1), at
        shift += 7
        if shift > 63:
            raise Odd("more than ten bytes")


def read_wide_long(data: bytes, at: int) -> tuple[int, int]:
    """As `read_long`, where the first three bytes are known to go on."""
    byte = data[at + 3]
    if byte > 127:
        return read_long(data, at)
    z = (byte << 21) + (data[at + 2] << 14) + (data[at + 1] << 7) + data[at] - _THREE_FLAGS
    return (z >> 1) ^ -(z & 1), at + 4


def read_wide_int(data: bytes, at: int) -> tuple[int, int]:
    """As `read_wide_long`, for 32 bits."""
    number, at = read_wide_long(data, at)
    if number not in INT_RANGE:
        raise Odd("more than 32 bits")
    return number, at


def read_count(data: bytes, at: int) -> tuple[int, int]:
    """As `read_long`, for a length, which cannot be negative."""
    number, at = read_long(data, at)
    if number < 0:
        raise Odd("negative length")
    return number, at
