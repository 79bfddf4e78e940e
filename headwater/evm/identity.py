"""The identity of a record: `event_id`, equal for a block's APPLY and its REVERT, and Kafka keys.

An id is BLAKE2b with 16 bytes of output over chain_id (8 bytes, big-endian), block_hash (32), kind (1),
index (4: transaction, log or trace position) and sub-index (4: place in an ERC-1155 batch, else 0).
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b
from struct import Struct, error

from headwater.errors import Permanent

SIZE = 16
_TAIL = Struct(">BII")


class RecordKind(IntEnum):
    """What a record is of: the byte after the block hash. Numbers are forever."""

    BLOCK = 1
    TRANSACTION = 2
    LOG = 3
    TOKEN_TRANSFER = 4
    NATIVE_TRANSFER = 5
    TRACE = 6
    CONTRACT = 7
    WITHDRAWAL = 8


class EventIds:
    """The ids of one block's records. Raises Permanent for numbers that an id has no room for."""

    __slots__ = ("_block",)

    def __init__(self, chain_id: int, block_hash: bytes) -> None:
        if len(block_hash) != 32:
            raise ValueError(f"a block hash has 32 bytes, not {len(block_hash)}")
        try:
            self._block = chain_id.to_bytes(8, "big") + block_hash
        except OverflowError as reason:
            raise Permanent(f"chain_id {chain_id} is none: it is not a number of 64 bits") from reason

    def of(self, kind: RecordKind, index: int, sub_index: int = 0) -> bytes:
        """The 16 bytes of one record's id."""
        try:
            return blake2b(self._block + _TAIL.pack(kind, index, sub_index), digest_size=SIZE).digest()
        except error as reason:
            raise Permanent(
                f"a {kind.name} has index {index}, sub-index {sub_index}: places in a block have 32 bits"
            ) from reason


def event_id(chain_id: int, block_hash: bytes, kind: RecordKind, index: int, sub_index: int = 0) -> bytes:
    """The id of a single record; for many of one block see `EventIds`."""
    return EventIds(chain_id, block_hash).of(kind, index, sub_index)


class HexKeys(dict[bytes, bytes]):
    """Kafka keys of hashes and addresses: bytes → lowercase 0x hex in UTF-8, each computed once.

    Lives as long as a block: a chain has more addresses than memory.
    """

    def __missing__(self, raw: bytes) -> bytes:
        key = self[raw] = b"0x" + raw.hex().encode()
        return key
