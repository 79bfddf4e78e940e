"""Blocks that a stage rejects because a test wants to see what one that cannot be handled does."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.errors import Permanent
from topics.chainlog.envelope import Envelope


class RejectedBlocks:
    """The entries of `stages.refuse_blocks` that are about one stage."""

    def __init__(self, stage: str, blocks: Iterable[str]) -> None:
        entries = (each.partition(":") for each in blocks)
        self._blocks = frozenset(block.lower() for name, _, block in entries if name == stage)

    def check(self, envelope: Envelope) -> None:
        """Raises Permanent for an event that carries one of these blocks."""
        if not self._blocks or not envelope.event.carries_block or envelope.block_hash is None:
            return
        number, own_hash = str(envelope.block_number), f"0x{envelope.block_hash.hex()}"
        if not self._blocks.isdisjoint((number, own_hash)):
            raise Permanent(
                f"block {number} {own_hash} is refused by stages.refuse_blocks",
                remedy="start without that setting, which is for tests, then `headwater replay` the block",
            )
