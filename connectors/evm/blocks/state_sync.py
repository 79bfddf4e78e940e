"""Polygon's state-sync transaction: bor answers with it, and it is in no root and no bloom.

Its hash is made of the block's number and hash, so that anybody can name it. Only where a chain has it
(`chain.exemptions`) is a last transaction of that hash taken for it, and only as bor makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import sha3

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from headwater.evm.answers.shapes import Receipt, Transaction

STATE_SYNC: Final = "state_sync"


def state_sync_hash(block: Block) -> str:
    """Hash of the state-sync transaction of this block, whether it has one or not.

    Bor appends that transaction when it answers: it is in no root, and its logs in no bloom (bor,
    core/types: key of a bor receipt). From Madhugiri on it is a transaction of the block, of type 0x7f.
    """
    return "0x" + hash_in(block.head.number, block.head.hash).hex()


def ends_with_state_sync(block: Block) -> bool:
    """Whether the last transaction has the hash of the block's state-sync transaction."""
    return bool(block.transactions) and block.transactions[-1].lower() == state_sync_hash(block)


def without_state_sync(
    block: Block, transactions: Sequence[Transaction], receipts: Sequence[Receipt]
) -> Sequence[Receipt]:
    """The receipts but for that of the state-sync transaction, where the block ends with one.

    It is of no sender, to nobody, and moves nothing (bor, core/types: NewBorTransaction). Its gas is in no
    root, and nodes say what they like for it (erigon#13511). Raises CheckError where it is not like that.
    """
    if not ends_with_state_sync(block):
        return receipts
    of = transactions[-1]
    nothing = {"from": of.from_, "to": of.to, "value": of.value}
    for name, value in nothing.items():
        if value is not None and int(value, 16):
            raise CheckError(
                STATE_SYNC,
                f"block {block.head.number}: its state-sync transaction has {name} {value}, which must be 0",
            )
    return receipts[:-1]


def hash_in(number: int, block_hash: bytes) -> bytes:
    """The same of a block's number and its hash of 32 bytes."""
    key = b"matic-bor-receipt-" + number.to_bytes(8, "big") + block_hash
    return cast(bytes, sha3.keccak_256(key).digest())
