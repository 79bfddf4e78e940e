"""Heights that no node will ever have a block at: a chain goes on over them, or begins above them."""

from __future__ import annotations

from typing import Final

from connectors.evm.blocks.fetch.headers import Headers
from connectors.evm.blocks.fetch.tags import Tags
from connectors.evm.events import Head
from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.pool.refusal import Refusal
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater.errors import Fatal

GAP: Final = 16
"""Heights without a block, one after the other, that are known for what they are."""


class Gaps:
    """Looks around a height whose block could not be had."""

    def __init__(self, pool: Pool, tags: Tags, headers: Headers) -> None:
        self._pool = pool
        self._tags = tags
        self._headers = headers

    async def refuse(self, number: int, error: NodeFailure) -> None:
        """Raises Fatal, or Refusal, where a height whose block failed by this `error` will never have one."""
        _refuse_genesis(number, error)
        try:
            below = await self._headers.header(number=number - 1) if number else None
            above = await self._next(number) if below is not None else None
        except (NodeFailure, Unsupported):
            return
        if above is not None and below is not None and above.parent == below.hash:
            raise Fatal(
                f"height {number} has no block: the parent of block {above.number} is block {below.number}",
                remedy="chains with null rounds (heights without a block, as Filecoin has them) are not "
                "supported, since every height of the log has one block: point HEADWATER_CHAIN__RPC at "
                "another chain",
            )
        if below is None:
            await self._refuse_below_first(number)

    async def _next(self, number: int) -> Head | None:
        """The lowest block above a height, of the next few."""
        for above in range(number + 1, number + 1 + GAP):
            found = await self._ask_header(above)
            if found is not None:
                return found
        return None

    async def _ask_header(self, number: int) -> Head | None:
        try:
            return await self._pool.ask(self._headers.at(number), kind="header", rounds=1)
        except Overdue:
            raise  # The next height would take as long.
        except NodeFailure:
            return None  # A height without a block may be an error, as Filecoin has it.

    async def _refuse_below_first(self, number: int) -> None:
        first = [head for _, head in await self._pool.each(lambda each: self._tags.on(each, "earliest"))]
        lowest = min((head.number for head in first if head is not None), default=number)
        # Who does not answer may have the block.
        if len(first) == self._pool.size and lowest > number:
            raise Refusal(
                "below first",
                f"no endpoint has block {number}: the first that one of them has is block {lowest}",
                remedy=f"begin there with --start {lowest} (HEADWATER_CHAIN__START), or add a node with the "
                "whole history to HEADWATER_CHAIN__RPC",
            )


def _refuse_genesis(number: int, error: NodeFailure) -> None:
    """Raises Refusal when no node has the first block whole: some have one without receipts, or none."""
    if number == 0 and error.outcome in ("null", "rejected"):
        raise Refusal(
            "genesis",
            f"block 0 cannot be had whole from any node: {error.what}",
            remedy="a chain's first block may have no receipts: begin above it with --start 1 "
            "(HEADWATER_CHAIN__START)",
        ) from error
