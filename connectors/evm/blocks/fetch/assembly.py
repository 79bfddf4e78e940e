"""A block put together with its receipts and traces from one node, and checked as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.evm.blocks import unlisted
from connectors.evm.blocks.decode import Block, decode_receipts
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.blocks.fetch.traces import Traces
from connectors.evm.blocks.receipts import Receipts, present
from connectors.evm.blocks.sizes import check_sizes
from connectors.evm.events import Content
from connectors.evm.pool.rejected import Rejected
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.evm.answers.shapes import Receipt

_NO_RECEIPTS: Final = b"[]"


class Assembly:
    """`block_receipt`: blocks have a receipt of their own, which nodes give when asked for it."""

    def __init__(self, checking: Checking, traces: Traces, *, block_receipt: bool) -> None:
        self._checking = checking
        self._traces = traces
        self._block_receipt = block_receipt
        self.receipts = Receipts()

    async def whole(
        self,
        endpoint: Endpoint,
        block: Block,
        raw: memoryview,
        receipts: bytes | memoryview | None,
        at_head: bool,
    ) -> Fetched:
        """A block, whose answer is `raw`, with its receipts; None has them asked for.

        Raises NodeFailure, Unsupported.
        """
        if receipts is None:
            receipts = await self.receipts.of(endpoint, block) if block.transactions else _NO_RECEIPTS
        listed = present(endpoint, receipts, f"receipts of block {block.head.number}")
        listed = await self.receipts.completed(endpoint, block, listed)
        try:
            decoded = self._decoded(endpoint, block, listed)
        except Rejected as rejected:
            listed = await self._in_place_of(endpoint, block, rejected)
            decoded = self._decoded(endpoint, block, listed)
        own: Sequence[Receipt] = ()
        left_out = len(decoded) > len(block.transactions)
        if tuple(each.transaction_hash for each in decoded) != block.transactions:
            found = self._sorted_out(endpoint, block, listed, decoded)
            if found is None:
                listed = await self.receipts.singly(endpoint, block)
                decoded = self._decoded(endpoint, block, listed)
            else:
                listed, decoded, own = found.raw, found.receipts, found.own
        if self._block_receipt and not own:
            own = self._decoded(endpoint, block, await self.receipts.of_block(endpoint, block))
        verified = self._checking.passed(
            endpoint,
            lambda: self._checking.verifier.check(
                block, decoded, own=own, left_out=left_out, at_head=at_head
            ),
        )
        answered = len(raw) + len(listed)
        self._checking.passed(endpoint, lambda: check_sizes(block, decoded, answered))
        traces = await self._traces.of(endpoint, block)
        content = Content(bytes(raw), bytes(listed), traces, endpoint.name, verified)
        return Fetched(block.head, content)

    def _decoded(self, endpoint: Endpoint, block: Block, listed: bytes | memoryview) -> Sequence[Receipt]:
        return self._checking.passed(endpoint, lambda: decode_receipts(listed, block.head.number))

    def _sorted_out(
        self, endpoint: Endpoint, block: Block, raw: bytes | memoryview, receipts: Sequence[Receipt]
    ) -> unlisted.Listed | None:
        synced = "state_sync" in self._checking.verifier.exempt
        return self._checking.passed(
            endpoint, lambda: unlisted.listed(block, raw, receipts, state_sync=synced)
        )

    async def _in_place_of(self, endpoint: Endpoint, block: Block, rejected: Rejected) -> bytes:
        """Single receipts in place of a list that cannot be read. Raises `rejected` where there are none."""
        try:
            return await self.receipts.singly(endpoint, block)
        except (NodeFailure, Unsupported):
            raise rejected from None
