"""What traces must have before they are published: a node that fails on one of them says so only in there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.state_sync import ends_with_state_sync, state_sync_hash
from headwater.evm.answers.errors import UNREADABLE

TRACES: Final = "traces"
_LENIENT: Final = "(chain.verify_traces=false is for a chain whose nodes leave some transactions untraced)"


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


def check_calls(raw: bytes, block: Block, *, every: bool = True, state_sync: bool = False) -> None:
    """One tree of calls for each transaction of the block, in order, none without one. Raises CheckError.

    Where not `every` transaction is traced the trees say whose they are. With `state_sync` bor's own
    transaction may have none.
    """
    where = f"traces of block {block.head.number}"
    try:
        items = _ITEMS.decode(raw)
    except UNREADABLE as error:
        raise CheckError(TRACES, f"{where}: {error}") from error
    traced = block.transactions
    if len(items) != len(traced) and not every:
        traced = _named(items, block, where)
    elif state_sync and len(items) == len(traced) - 1 and ends_with_state_sync(block):
        traced = traced[:-1]
    if len(items) != len(traced):
        raise CheckError(TRACES, f"{where}: {len(items)} for {len(traced)} transactions {_LENIENT}")
    for place, (item, transaction) in enumerate(zip(items, traced, strict=True)):
        if item.error is not None or item.result in (b"", b"null"):
            raise CheckError(TRACES, f"{where}: [{place}] has no result: {str(item.error)[:80]}")
        if item.tx_hash is not None and item.tx_hash.lower() != transaction.lower():
            raise CheckError(TRACES, f"{where}: [{place}] is of {item.tx_hash}, not of {transaction}")


def _named(items: Sequence[_Item], block: Block, where: str) -> tuple[str, ...]:
    """The block's transactions that have a tree of calls. Raises CheckError where a tree is nobody's."""
    names = {item.tx_hash.lower() for item in items if item.tx_hash is not None}
    if len(names) != len(items):
        raise CheckError(
            TRACES, f"{where}: {len(items)} for {len(block.transactions)} transactions, of which is not said"
        )
    return tuple(each for each in block.transactions if each.lower() in names)


def check_flat(raw: bytes, block: Block, *, every: bool = True, state_sync: bool = False) -> None:
    """Each is of this block, and `every` transaction of the block has some. Raises CheckError.

    With `state_sync` bor's own transaction may have none: it calls nothing that is traced.
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
        raise CheckError(TRACES, f"{where}: {strangers[0][:66]} is not a transaction of the block")
    lacking = sorted(listed - traced - ({state_sync_hash(block)} if state_sync else set()))
    if lacking and every:
        raise CheckError(
            TRACES, f"{where}: {len(lacking)} transactions have none, the first {lacking[0]} {_LENIENT}"
        )
