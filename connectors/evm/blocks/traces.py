"""What traces must have before they are published: a node that fails on one of them says so only in there."""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.state_sync import state_sync_hash
from headwater.evm.answers.errors import UNREADABLE

TRACES: Final = "traces"


class _Item(msgspec.Struct, rename="camel"):
    """debug_traceBlock…: one for each transaction. geth says its hash, others do not."""

    tx_hash: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: object = None


class _Flat(msgspec.Struct, rename="camel"):
    """trace_block: one for each call, and for each reward, which has no transaction."""

    transaction_hash: str | None = None
    block_hash: str | None = None


_ITEMS: Final = msgspec.json.Decoder(list[_Item])
_FLAT: Final = msgspec.json.Decoder(list[_Flat])


def check_calls(raw: bytes, block: Block) -> None:
    """One tree of calls for each transaction of the block, in order, none without one. Raises CheckError."""
    where = f"traces of block {block.head.number}"
    try:
        items = _ITEMS.decode(raw)
    except UNREADABLE as error:
        raise CheckError(TRACES, f"{where}: {error}") from error
    if len(items) != len(block.transactions):
        raise CheckError(TRACES, f"{where}: {len(items)} for {len(block.transactions)} transactions")
    for place, (item, transaction) in enumerate(zip(items, block.transactions, strict=True)):
        if item.error is not None or item.result in (b"", b"null"):
            raise CheckError(TRACES, f"{where}: [{place}] has no result: {str(item.error)[:80]}")
        if item.tx_hash is not None and item.tx_hash.lower() != transaction.lower():
            raise CheckError(TRACES, f"{where}: [{place}] is of {item.tx_hash}, not of {transaction}")


def check_flat(raw: bytes, block: Block) -> None:
    """Each is of this block, and each transaction of the block has some. Raises CheckError.

    Bor's own transaction has none: it calls nothing that is traced.
    """
    where = f"traces of block {block.head.number}"
    try:
        items = _FLAT.decode(raw)
    except UNREADABLE as error:
        raise CheckError(TRACES, f"{where}: {error}") from error
    own = "0x" + block.head.hash.hex()
    for each in items:
        if each.block_hash is not None and each.block_hash.lower() != own:
            raise CheckError(TRACES, f"{where} are of another block, {each.block_hash[:66]}")
    traced = {each.transaction_hash.lower() for each in items if each.transaction_hash is not None}
    listed = {each.lower() for each in block.transactions}
    if strangers := sorted(traced - listed):
        raise CheckError(TRACES, f"{where}: {strangers[0][:66]} is no transaction of the block")
    if lacking := sorted(listed - traced - {state_sync_hash(block)}):
        raise CheckError(TRACES, f"{where}: {len(lacking)} transactions have none, the first {lacking[0]}")
