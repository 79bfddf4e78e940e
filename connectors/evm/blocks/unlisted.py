"""Receipts other than those of a block's transactions: some nodes add those of system calls, or one twice, or
have them in another order.

What belongs to no transaction of the block is left out of what is published. Polygon's state-sync receipt is
not, on a chain that has such transactions: bor finds it by the block, and its transaction by an index that a
node may have cut (`txlookuplimit`), so that an answer without the transaction is not whole. The receipt that
has the block's own hash for a transaction's is the block's (Celo: logs of calls outside of transactions):
root and bloom have it, so both are checked with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.gas import RECEIPTS
from connectors.evm.blocks.state_sync import state_sync_hash
from connectors.evm.rpc.answers import json_array
from headwater.evm.answers.shapes import Receipt

_STATE_SYNC: Final = 0x7F
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Listed:
    """A block's receipts as JSON and decoded, one for each transaction, and those of the block itself."""

    raw: bytes
    receipts: Sequence[Receipt]
    own: Sequence[Receipt]


def listed(
    block: Block, raw: bytes | memoryview, receipts: Sequence[Receipt], *, state_sync: bool = False
) -> Listed | None:
    """The first receipt of each transaction that the block lists; None where one has none.

    Raises CheckError, on a chain with `state_sync`, for the receipt of such a transaction that the block does
    not list.
    """
    first: dict[str, int] = {}
    for place, each in enumerate(receipts):
        first.setdefault(each.transaction_hash.lower(), place)
    if state_sync and not _lists_state_sync(block):
        _refuse_state_sync(block, first)
    places = [first.get(each.lower()) for each in block.transactions]
    whole = [place for place in places if place is not None]
    if len(whole) != len(places):
        return None
    items = _ITEMS.decode(raw)
    own = first.get("0x" + block.head.hash.hex())
    return Listed(
        json_array([items[place] for place in whole]),
        [receipts[place] for place in whole],
        [] if own is None else [receipts[own]],
    )


def _lists_state_sync(block: Block) -> bool:
    # From Madhugiri on; some nodes give the receipt once more under the hash of before (Polygon's erigon).
    listed = () if block.records is None else block.records.transactions or ()
    return any(int(each.type or "0x0", 16) == _STATE_SYNC for each in listed)


def _refuse_state_sync(block: Block, receipts: Collection[str]) -> None:
    hash_ = state_sync_hash(block)
    if hash_ in receipts and all(each.lower() != hash_ for each in block.transactions[-1:]):
        raise CheckError(
            RECEIPTS,
            f"block {block.head.number}: there is a receipt of its state-sync transaction {hash_}, which is "
            "not listed: the node's index of transactions has a gap (bor's txlookuplimit); another endpoint "
            "in HEADWATER_CHAIN__RPC may have it",
        )
