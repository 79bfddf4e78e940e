"""Blocks and receipts as the listener needs them: their records by the model that `normalize` reads them by.

Pure. What is published are the node's own bytes; the records decide whether it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.evm.events import Head
from headwater.digits import quantity
from headwater.evm.answers import decode as decoding
from headwater.evm.answers import shapes as answers
from headwater.evm.answers.canonical import shown
from headwater.evm.answers.errors import UNREADABLE, AnswerError

LAST_SECOND: Final = 10_413_791_999
"""The end of the year 2299, which ClickHouse's DateTime64 reaches: a later time counts other than seconds."""
_NOT_HEADER: Final = frozenset(("transactions", "withdrawals", "uncles"))


class ShapeError(ValueError):
    """An answer that is not a block, or not an array of receipts; says which field is at fault."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block as answered: its place, its scalar header fields as JSON has them, its transactions' hashes.

    `records` are its header and full transactions; None where it was answered with hashes alone.
    """

    head: Head
    header: Mapping[str, object]
    transactions: tuple[str, ...]
    records: answers.Block | None = None


_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_HASHES: Final = msgspec.json.Decoder(list[str])
_ANY: Final = msgspec.json.Decoder()
_NONE: Final = msgspec.Raw(b"[]")
_HASH: Final = re.compile(r"0[xX][0-9a-fA-F]{64}\Z")
_LISTS_TEXTS: Final = re.compile(rb'\[\s*"')


def decode_block(raw: bytes | memoryview) -> Block:
    """A block of eth_getBlockBy…, with full transactions or hashes only. Raises ShapeError."""
    try:
        _check_text(raw)
        fields = _FIELDS.decode(raw)
        header = {name: _ANY.decode(value) for name, value in fields.items() if name not in _NOT_HEADER}
        head = _head(header)
        if _LISTS_TEXTS.match(fields.get("transactions", _NONE)):
            return Block(head, header, tuple(_HASHES.decode(fields["transactions"])))
        records = decoding.decode_block(raw)
        return Block(head, header, tuple(each.hash for each in records.transactions or ()), records)
    except AnswerError as error:
        raise ShapeError(f"block {head.number}: {error}") from error
    except UNREADABLE as error:
        raise ShapeError(f"no block: {error}") from error


def decode_receipts(raw: bytes | memoryview, number: int | None = None) -> list[answers.Receipt]:
    """The receipts of the block of a height. Raises ShapeError."""
    try:
        _check_text(raw)
        return decoding.decode_receipts(raw)
    except (*UNREADABLE, AnswerError) as error:
        where = "" if number is None else f"block {number}: "
        raise ShapeError(f"{where}no receipts: {error}") from error


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
    if not isinstance(value, str) or not _HASH.match(value):
        raise ShapeError(f"{shown(value)} is not a hash of 32 bytes")
    return bytes.fromhex(value[2:])
