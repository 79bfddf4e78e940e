"""What traces must have before they are published: a node that fails on one of them says so only in there."""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from headwater.evm.answers.errors import UNREADABLE

TRACES: Final = "traces"


class _Item(msgspec.Struct, rename="camel"):
    """debug_traceBlock…: one for each transaction. geth says its hash, others do not."""

    tx_hash: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: object = None


_ITEMS: Final = msgspec.json.Decoder(list[_Item])


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
