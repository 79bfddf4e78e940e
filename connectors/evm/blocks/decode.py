"""The few fields of a block and its receipts that must be known before publishing it.

Pure. Everything else in the answers is carried as the node's own bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.evm.events import Head
from headwater.digits import quantity

# Milliseconds of such a time still fit an Avro long.
_SECONDS_BITS: Final = 53
_NOT_HEADER: Final = frozenset(("transactions", "withdrawals", "uncles"))


class ShapeError(ValueError):
    """An answer that is JSON but no block, or no array of receipts; says what is missing."""


class Transaction(msgspec.Struct, gc=False):
    """A transaction's identity."""

    hash: str


class Log(msgspec.Struct, rename="camel", gc=False):
    """What a log adds to the bloom, and where it stands."""

    address: str
    topics: list[str]
    log_index: str | None = None
    block_hash: str | None = None
    transaction_hash: str | None = None


class Receipt(msgspec.Struct, rename="camel", gc=False):
    """A receipt's identity and logs."""

    transaction_hash: str
    logs: list[Log]
    transaction_index: str | None = None
    block_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block as answered: its place, its scalar header fields as JSON has them, its transactions' hashes."""

    head: Head
    header: Mapping[str, object]
    transactions: tuple[str, ...]


_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FULL: Final = msgspec.json.Decoder(list[Transaction])
_HASHES: Final = msgspec.json.Decoder(list[str])
_RECEIPTS: Final = msgspec.json.Decoder(list[Receipt])
_ANY: Final = msgspec.json.Decoder()


def decode_block(raw: bytes | memoryview) -> Block:
    """A block of eth_getBlockBy…, with full transactions or hashes only. Raises ShapeError."""
    try:
        fields = _FIELDS.decode(raw)
        header = {name: _ANY.decode(value) for name, value in fields.items() if name not in _NOT_HEADER}
        listed = fields.get("transactions", b"[]")
        full = bytes(memoryview(listed)[1:17]).lstrip()[:1] == b"{"
        transactions = (
            tuple(each.hash for each in _FULL.decode(listed)) if full else tuple(_HASHES.decode(listed))
        )
        return Block(_head(header), header, transactions)
    except msgspec.MsgspecError as error:
        raise ShapeError(f"no block: {error}") from error


def decode_receipts(raw: bytes | memoryview) -> list[Receipt]:
    """The receipts of a block. Raises ShapeError."""
    try:
        return _RECEIPTS.decode(raw)
    except msgspec.MsgspecError as error:
        raise ShapeError(f"no receipts: {error}") from error


def _head(header: Mapping[str, object]) -> Head:
    try:
        return Head(
            _quantity(header, "number", 63),
            hash_bytes(header["hash"]),
            hash_bytes(header["parentHash"]),
            _quantity(header, "timestamp", _SECONDS_BITS) * 1000,
        )
    except KeyError as error:
        raise ShapeError(f"no block: it has no field {error}") from error


def _quantity(header: Mapping[str, object], name: str, bits: int) -> int:
    number = quantity(header[name], bits)
    if number is None:
        raise ShapeError(f"no block: its {name} {str(header[name])[:40]!r} is not a quantity of {bits} bits")
    return number


def hash_bytes(value: object) -> bytes:
    """The 32 bytes of a hash in hex. Raises ShapeError."""
    if not isinstance(value, str) or len(value) != 66:
        raise ShapeError(f"{value!r} is not a hash of 32 bytes")
    try:
        return bytes.fromhex(value[2:])
    except ValueError as error:
        raise ShapeError(f"{value!r} is not a hash of 32 bytes") from error
