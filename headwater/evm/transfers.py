"""Token transfers that a log tells of: ERC-20, ERC-721 and ERC-1155, read strictly.

A log counts only when it is exactly what its standard's event encodes to:

- ERC-20 (EIP-20): `Transfer(address indexed, address indexed, uint256)`: three topics, 32 bytes of data.
- ERC-721 (EIP-721): `Transfer(address indexed, address indexed, uint256 indexed)`: four topics, no data.
- ERC-1155 (EIP-1155): `TransferSingle`: four topics, 64 bytes; `TransferBatch`: four topics and two arrays
  of equal length, decoded with the rules of a strict ABI decoder (offsets beyond the head and within the
  data, whole words, bytes after the arrays tolerated).

An address word with anything in its twelve upper bytes is not an address, so the log is not a transfer:
whoever takes only the lower bytes invents a holder. What is not a transfer stays a log: nothing is lost.

Nor is what the system's address emits: from EIP-7708 on (a draft, for Amsterdam) each movement of ether from
one account to another is a log of it, an ERC-20's event in all else. Ether is no token: counted as one, it
would lead every list of them, and where the coin has an ERC-20 interface too each movement would count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TRANSFER: Final = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
TRANSFER_SINGLE: Final = bytes.fromhex("c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62")
TRANSFER_BATCH: Final = bytes.fromhex("4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb")
EVENTS: Final = frozenset({TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH})
SYSTEM_ADDRESS: Final = bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe")
"""Whose calls are the protocol's own (EIP-4788), and whose logs tell of ether that moves (EIP-7708)."""

_WORD: Final = 32
_NO_BYTES: Final = bytes(12)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One movement. Amounts and ids are base 10; addresses 20 bytes; `operator` only for ERC-1155."""

    standard: str
    operator: bytes | None
    sender: bytes
    receiver: bytes
    token_id: str | None
    value: str
    batch_index: int = 0


def transfers_of(emitter: bytes, topics: Sequence[bytes], data: bytes) -> Sequence[Transfer]:
    """The movements that a log of this address tells of, in the order of the batch; none where it is none."""
    if not topics or emitter == SYSTEM_ADDRESS:
        return ()
    if topics[0] == TRANSFER:
        return _fungible_or_unique(topics, data)
    if topics[0] in EVENTS and len(topics) == 4:
        return _multi_token(topics, data)
    return ()


def _fungible_or_unique(topics: Sequence[bytes], data: bytes) -> Sequence[Transfer]:
    if len(topics) == 3 and len(data) == _WORD:
        number, unique = data, False
    elif len(topics) == 4 and not data:
        number, unique = topics[3], True
    else:
        return ()
    source, target = topics[1], topics[2]
    if source[:12] != _NO_BYTES or target[:12] != _NO_BYTES:
        return ()
    amount = str(int.from_bytes(number, "big"))
    if unique:
        return (Transfer("ERC721", None, source[12:], target[12:], amount, "1"),)
    return (Transfer("ERC20", None, source[12:], target[12:], None, amount),)


def _multi_token(topics: Sequence[bytes], data: bytes) -> Sequence[Transfer]:
    if any(word[:12] != _NO_BYTES for word in topics[1:]):
        return ()
    if topics[0] == TRANSFER_SINGLE:
        if len(data) != 2 * _WORD:
            return ()
        ids, values = [_number(data, 0)], [_number(data, _WORD)]
    else:
        arrays = _array(data, 0), _array(data, _WORD)
        if arrays[0] is None or arrays[1] is None or len(arrays[0]) != len(arrays[1]):
            return ()
        ids, values = arrays[0], arrays[1]
    operator, source, target = (word[12:] for word in topics[1:])
    return [
        Transfer("ERC1155", operator, source, target, str(token_id), str(value), place)
        for place, (token_id, value) in enumerate(zip(ids, values, strict=True))
    ]


def _array(data: bytes, head: int) -> list[int] | None:
    """The uint256[] whose offset stands at `head`, in a head of two words; None when it is malformed."""
    if len(data) < 2 * _WORD:
        return None
    start = _number(data, head)
    if not 2 * _WORD <= start <= len(data) - _WORD:
        return None
    count = _number(data, start)
    first = start + _WORD
    if count > (len(data) - first) // _WORD:
        return None
    return [_number(data, first + place * _WORD) for place in range(count)]


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _WORD], "big")
