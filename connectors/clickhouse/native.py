"""ClickHouse's Native format, columns in, one block out: what the sink sends.

The format is the server's own layout of a block (https://clickhouse.com/docs/interfaces/formats/Native):
number of columns and rows as varints, then of each column name, type and data. Integers are little-endian,
a nullable column is a byte map of its nulls followed by the data with zeros in their place, an array is its
cumulative lengths as UInt64 followed by all elements. Built here because this is the sink's hot path:
about 2 µs a log, and no pandas or pyarrow is imported for it.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Final

from headwater.errors import Fatal, Permanent
from schemas.unsigned import UNSIGNED

Column = Sequence[Any]  # bytes, str, int, float, bool, None, lists, tuples and mappings, as the codec gives
Encode = Callable[[Column], bytes]

_INTEGERS: Final[Mapping[str, str]] = {
    "UInt8": "B",
    "UInt16": "H",
    "UInt32": "I",
    "UInt64": "Q",
    "Int8": "b",
    "Int16": "h",
    "Int32": "i",
    "Int64": "q",
    "Float64": "d",
}
EARLIEST: Final = -2_208_988_800_000  # 1900-01-01 in milliseconds, as DateTime64 has it
LATEST: Final = 10_413_792_000_000  # 2300-01-01
_SAMPLE: Final = 256
_FAILURES: Final = (TypeError, ValueError, OverflowError, KeyError, AttributeError, struct.error)


class WrongColumn(Permanent):
    """A value that its column cannot hold: out of range, of another length or of another type."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """How a column is sent. `sent_as`: the type that the block names; `zero`: what a null holds."""

    sent_as: str
    encode: Encode
    zero: Any


def encoder(kind: str, field: str = "") -> Encoder:
    """The encoder of a ClickHouse type as `system.columns` writes it. Raises Fatal for one it lacks.

    `field` names the field of the records: an unsigned one comes in two's complement (`schemas.unsigned`).
    """
    name, _, rest = kind.partition("(")
    inner = rest[:-1]
    if name == "UInt64" and field in UNSIGNED:
        return Encoder(kind, _numbers("q"), 0)
    if name in _INTEGERS:
        return Encoder(kind, _numbers(_INTEGERS[name]), 0)
    if name == "DateTime64":
        return Encoder(kind, _milliseconds, 0)
    if name == "Bool":
        return Encoder(kind, _bools, False)
    if name == "UInt256":
        return Encoder(kind, _uint256, 0)
    if name == "String":
        return Encoder(kind, _strings, b"")
    if name == "FixedString":
        return Encoder(kind, _fixed(int(inner)), bytes(int(inner)))
    if name == "LowCardinality":
        # The server casts; a dictionary of a few states would cost more to build than it saves.
        return encoder(inner, field)
    if name == "Nullable":
        item = encoder(inner, field)
        return Encoder(f"Nullable({item.sent_as})", _nullable(item), None)
    if name == "Array":
        item = encoder(inner, field)
        return Encoder(f"Array({item.sent_as})", _array(item), ())
    if name == "Tuple":
        fields = [_field(part) for part in parts(inner)]
        sent_as = ", ".join(f"{field} {item.sent_as}" for field, item in fields)
        return Encoder(f"Tuple({sent_as})", _tuple(fields), None)
    if name == "Map":
        key, value = (encoder(part) for part in parts(inner))
        return Encoder(f"Map({key.sent_as}, {value.sent_as})", _map(key, value), {})
    raise Fatal(
        f"the sink cannot write columns of type {kind}", remedy="add it to connectors/clickhouse/native.py"
    )


def block(columns: Sequence[tuple[str, Encoder, Column]]) -> bytes:
    """One Native block of columns of equal length.

    Raises WrongColumn naming the column for a value that does not fit; which row it is the caller finds
    by halving.
    """
    rows = len(columns[0][2]) if columns else 0
    body = [_varint(len(columns)), _varint(rows)]
    for name, item, values in columns:
        if len(values) != rows:
            raise ValueError(f"column {name} has {len(values)} rows, not {rows}")
        body.append(_text(name))
        body.append(_text(item.sent_as))
        try:
            body.append(item.encode(values))
        except _FAILURES as error:
            raise WrongColumn(f"column {name} of type {item.sent_as}: {error}") from error
    return b"".join(body)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SHORT: Final = [_varint(number) for number in range(16_384)]


def _text(value: str) -> bytes:
    data = value.encode()
    return _varint(len(data)) + data


def _numbers(code: str) -> Encode:
    def encode(values: Column) -> bytes:
        numbers = array(code, values)
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers.tobytes()

    return encode


def _milliseconds(values: Column) -> bytes:
    # The server clamps what is outside silently.
    if values and not (min(values) >= EARLIEST and max(values) < LATEST):
        raise ValueError("a time is not within 1900 and 2299")
    return _numbers("q")(values)


def _bools(values: Column) -> bytes:
    data = bytes(values)
    if data.count(0) + data.count(1) != len(data):
        raise ValueError("neither true nor false")
    return data


def _wide(value: str | int) -> bytes:
    return int(value).to_bytes(32, "little")


def _uint256(values: Column) -> bytes:
    # Prices and zero values repeat within a block; signatures never do.
    if 2 * len(set(values[:_SAMPLE])) > len(values[:_SAMPLE]):
        return b"".join([int(value).to_bytes(32, "little") for value in values])
    wide = {value: _wide(value) for value in set(values)}
    return b"".join([wide[value] for value in values])


def _strings(values: Column) -> bytes:
    data = values
    if str in set(map(type, values)):
        data = [value.encode() if type(value) is str else value for value in values]
    pairs: list[bytes] = [b""] * (2 * len(data))
    try:
        pairs[::2] = map(_SHORT.__getitem__, map(len, data))
    except IndexError:
        pairs[::2] = [_varint(len(value)) for value in data]
    pairs[1::2] = data
    return b"".join(pairs)


def _fixed(size: int) -> Encode:
    def encode(values: Column) -> bytes:
        # One look at the sum: lengths come from a schema, so either all are right or all are wrong.
        data = b"".join(values)
        if len(data) != size * len(values):
            raise ValueError(f"values are not {size} bytes long")
        return data

    return encode


def _nullable(item: Encoder) -> Encode:
    def encode(values: Column) -> bytes:
        if values and values[0] is not None:
            # Most columns hold no null at all, and looking for one costs as much as encoding.
            try:
                return bytes(len(values)) + item.encode(values)
            except TypeError:
                pass
        nulls = values.count(None)
        if nulls == len(values):
            return b"\x01" * nulls + item.encode([item.zero] * nulls)
        zero = item.zero
        return bytes([value is None for value in values]) + item.encode(
            [zero if value is None else value for value in values]
        )

    return encode


def _array(item: Encoder) -> Encode:
    def encode(values: Column) -> bytes:
        # Avro's null array is an empty one here.
        lists = [value or () for value in values]
        ends = array("Q", accumulate(map(len, lists)))
        if sys.byteorder == "big":
            ends.byteswap()
        return ends.tobytes() + item.encode(list(chain.from_iterable(lists)))

    return encode


def _tuple(fields: Sequence[tuple[str, Encoder]]) -> Encode:
    def encode(values: Column) -> bytes:
        return b"".join([item.encode([value[name] for value in values]) for name, item in fields])

    return encode


def _map(key: Encoder, value: Encoder) -> Encode:
    pairs = _array(
        Encoder("", lambda flat: key.encode([k for k, _ in flat]) + value.encode([v for _, v in flat]), ())
    )
    return lambda values: pairs([list(each.items()) for each in values])


def _field(part: str) -> tuple[str, Encoder]:
    name, _, kind = part.partition(" ")
    return name, encoder(kind, name)


def parts(text: str) -> Iterator[str]:
    """The parts of a type's arguments: between commas that no parenthesis encloses."""
    depth = start = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()
