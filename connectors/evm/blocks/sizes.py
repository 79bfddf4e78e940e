"""Whether each record of a block fits into a message: a later stage would refuse one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from headwater.evm.answers import sizes
from headwater.evm.answers.shapes import Receipt

SIZE: Final = "size"
_SHOWN: Final = 60
_REMEDY: Final = (
    "no message takes more: put a node that answers without that field into HEADWATER_CHAIN__RPC, or begin "
    "above that block with --start N (HEADWATER_CHAIN__START)"
)


def check_sizes(block: Block, receipts: Sequence[Receipt], answered: int) -> None:
    """`answered` is how many bytes the answers have as JSON. Raises CheckError naming record and field."""
    found = None if block.records is None else sizes.too_large(block.records, receipts, answered)
    if found is None:
        return
    record, limit = found
    name, size = record.largest()
    raise CheckError(
        SIZE,
        f"block {block.head.number}: {record.where} has about {record.size} bytes, {size} of them in "
        f"{name[:_SHOWN]!r}, and at most {limit} are published",
        found=f"{record.where} {name}",
        remedy=_REMEDY,
    )
