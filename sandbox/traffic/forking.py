"""Reorgs of the local chain: `anvil_reorg` with some of the orphaned transactions put elsewhere."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import cast

from headwater.logging import get_logger
from sandbox.traffic.node import CallRejected, Node
from sandbox.traffic.reorg import Orphan, allowed_depth, plan_reorg

SETTLE_SECONDS = 0.1
EMPTY_SECONDS = 2.5

log = get_logger("headwater.traffic")


@dataclass(frozen=True, slots=True)
class Fork:
    """A reorg that happened: its depth, the head before it, and how many transactions went where."""

    depth: int
    head: int
    moved: int
    resent: int
    lost: int


class Forker:
    """Makes reorgs of a depth drawn from a range (both ends included)."""

    def __init__(self, node: Node, drawn: Random, depth: tuple[int, int]) -> None:
        self._node = node
        self._random = drawn
        self._depth = depth
        self.done = 0

    async def fork(self) -> Fork | None:
        """Reorganise the chain, never down to its finalized block; None when that leaves no room.

        What is pending was built on the old branch, so it is let into a block first, or else dropped.
        Mining stops meanwhile, because anvil loses the new blocks when its own next block comes in the
        middle (seen in 1.7.1: null by number, and a chain that does not link).
        """
        await self._empty_pool()
        interval = await self._node.call("anvil_getIntervalMining")
        await self._node.call("evm_setIntervalMining", 0)
        try:
            return await self._fork_quietly()
        finally:
            await self._node.call("evm_setIntervalMining", max(1, int(str(interval or 1))))

    async def _fork_quietly(self) -> Fork | None:
        head = await self._settled_head()
        wanted = self._random.randint(*self._depth)
        depth = allowed_depth(wanted, head, await self._height("finalized"))
        await self._node.call("anvil_dropAllTransactions")
        while depth:
            plan = plan_reorg(await self._orphans(head, depth), depth, self._random)
            try:
                await self._node.call("anvil_reorg", depth, plan.moved)
            except CallRejected as reason:
                # A restarted anvil has no state of blocks from before, so it can only fork newer ones.
                log.debug("the node refuses a reorg", depth=depth, reason=str(reason))
                depth //= 2
                continue
            self.done += 1
            await self._node.batch([("eth_sendRawTransaction", [raw]) for raw in plan.resent])
            return Fork(depth, head, len(plan.moved), len(plan.resent), plan.lost)
        return None

    async def _empty_pool(self) -> None:
        """Wait for the next block or two to take what is pending."""
        for _ in range(round(EMPTY_SECONDS / SETTLE_SECONDS)):
            status = cast(dict[str, str], await self._node.call("txpool_status"))
            if int(status["pending"], 16) == 0:
                return
            await asyncio.sleep(SETTLE_SECONDS)

    async def _settled_head(self) -> int:
        """Return the head once a block that was being mined is there."""
        before, head = -1, await self._height("latest")
        while before != head:
            await asyncio.sleep(SETTLE_SECONDS)
            before, head = head, await self._height("latest")
        return head

    async def _height(self, tag: str) -> int:
        block = cast(dict[str, str], await self._node.call("eth_getBlockByNumber", tag, False))
        return int(block["number"], 16)

    async def _orphans(self, head: int, depth: int) -> list[Orphan]:
        numbers = range(head - depth + 1, head + 1)
        blocks = await self._node.batch([("eth_getBlockByNumber", [hex(n), True]) for n in numbers])
        found = [tx for block in blocks if isinstance(block, dict) for tx in block["transactions"]]
        raws = await self._node.batch([("eth_getRawTransactionByHash", [tx["hash"]]) for tx in found])
        return [
            Orphan(tx["from"], int(tx["nonce"], 16), raw)
            for tx, raw in zip(found, raws, strict=True)
            if isinstance(raw, str)
        ]
