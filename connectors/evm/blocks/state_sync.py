"""Polygon's state-sync transaction: bor answers with it, and it is in no root and no bloom."""

from __future__ import annotations

from typing import cast

import sha3

from connectors.evm.blocks.decode import Block


def state_sync_hash(block: Block) -> str:
    """Hash of the state-sync transaction of this block, whether it has one or not.

    Bor appends that transaction when it answers: it is in no root, and its logs in no bloom (bor,
    core/types: key of a bor receipt). From Madhugiri on it is a transaction of the block, of type 0x7f.
    """
    return "0x" + hash_in(block.head.number, block.head.hash).hex()


def hash_in(number: int, block_hash: bytes) -> bytes:
    """The same of a block's number and its hash of 32 bytes."""
    key = b"matic-bor-receipt-" + number.to_bytes(8, "big") + block_hash
    return cast(bytes, sha3.keccak_256(key).digest())
