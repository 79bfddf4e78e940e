"""The few fields of a block and its receipts that must be known before publishing it.

Pure. Everything else in the answers is carried as the node's own bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.evm.events import Head
from connectors.evm.rpc.answers import UNREADABLE
from headwater.digits import quantity

LAST_SECOND: Final = 10_413_791_999
"""The end of the year 2299, which ClickHouse's DateTime64 reaches: a later time counts other than seconds."""
_NOT_HEADER: Final = frozenset(("transactions", "withdrawals", "uncles"))


class ShapeError(ValueError):
    """An answer that is JSON but no block, or no array of receipts; says what is missing."""


class Transaction(msgspec.Struct, rename="camel", gc=False):
    """A transaction's identity, and where it says that it stands."""

    hash: str
    transaction_index: str | int | None = None


class Log(msgspec.Struct, rename="camel", gc=False):
    """What a log adds to the bloom, and where it stands."""

    address: str
    topics: list[str] | None = None
    log_index: str | int | None = None
    block_hash: str | None = None
    transaction_hash: str | None = None
    transaction_index: str | int | None = None


class Receipt(msgspec.Struct, rename="camel", gc=False):
    """A receipt's identity and logs. A block hash or an index of null is of a block still being made."""

    transaction_hash: str
    logs: list[Log] | None = None
    transaction_index: str | int | msgspec.UnsetType | None = msgspec.UNSET
    block_hash: str | msgspec.UnsetType | None = msgspec.UNSET
    cumulative_gas_used: str | int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block as answered: its place, its scalar header fields as JSON has them, its transactions' hashes.

    `indexes` are what full transactions say of their place; none where there are hashes alone.
    """

    head: Head
    header: Mapping[str, object]
    transactions: tuple[str, ...]
    indexes: tuple[str | int | None, ...] = ()


_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FULL: Final = msgspec.json.Decoder(list[Transaction])
_HASHES: Final = msgspec.json.Decoder(list[str])
_RECEIPTS: Final = msgspec.json.Decoder(list[Receipt])
_ANY: Final = msgspec.json.Decoder()
_NONE: Final = msgspec.Raw(b"[]")


def decode_block(raw: bytes | memoryview) -> Block:
    """A block of eth_getBlockBy…, with full transactions or hashes only. Raises ShapeError."""
    try:
        _check_text(raw)
        fields = _FIELDS.decode(raw)
        header = {name: _ANY.decode(value) for name, value in fields.items() if name not in _NOT_HEADER}
        listed = fields.get("transactions", _NONE)
        if bytes(listed) == b"null":
            listed = _NONE
        if bytes(memoryview(listed)[1:17]).lstrip()[:1] != b"{":
            return Block(_head(header), header, tuple(_HASHES.decode(listed)))
        full = _FULL.decode(listed)
        indexes = tuple(each.transaction_index for each in full)
        return Block(_head(header), header, tuple(each.hash for each in full), indexes)
    except UNREADABLE as error:
        raise ShapeError(f"no block: {error}") from error


def decode_receipts(raw: bytes | memoryview) -> list[Receipt]:
    """The receipts of a block. Raises ShapeError."""
    try:
        _check_text(raw)
        return _RECEIPTS.decode(raw)
    except UNREADABLE as error:
        raise ShapeError(f"no receipts: {error}") from error


def _check_text(raw: bytes | memoryview) -> None:
    # What no field models is passed over undecoded here, and read by others.
    text = bytes(raw)
    if not text.isascii():
        text.decode()


def _head(header: Mapping[str, object]) -> Head:
    try:
        return Head(
            _quantity(header, "number"),
            hash_bytes(header["hash"]),
            hash_bytes(header["parentHash"]),
            _quantity(header, "timestamp", LAST_SECOND) * 1000,
        )
    except KeyError as error:
        raise ShapeError(f"no block: it has no field {error}") from error


def _quantity(header: Mapping[str, object], name: str, largest: int = 2**63 - 1) -> int:
    number = quantity(header[name])
    if number is None or number > largest:
        raise ShapeError(
            f"no block: its {name} is {str(header[name])[:40]!r}, not a quantity of at most {largest}"
        )
    return number


def hash_bytes(value: object) -> bytes:
    """The 32 bytes of a hash in hex. Raises ShapeError."""
    if not isinstance(value, str) or len(value) != 66:
        raise ShapeError(f"{value!r} is not a hash of 32 bytes")
    try:
        return bytes.fromhex(value[2:])
    except ValueError as error:
        raise ShapeError(f"{value!r} is not a hash of 32 bytes") from error
