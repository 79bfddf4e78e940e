"""Blocks with all that belongs to them, of a height or of a hash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from connectors.evm.blocks.checks import check_place
from connectors.evm.blocks.fetch.assembly import Assembly
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.blocks.fetch.headers import BY_HASH, BY_NUMBER, ROUNDS, is_of_hashes
from connectors.evm.blocks.receipts import present
from connectors.evm.events import Head
from connectors.evm.pool.refusal import Refusal
from connectors.evm.pool.rejected import Rejected
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, Pruned, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint
from headwater.at_once import all_of


class Empty(NodeFailure):
    """Nothing in answer to a question about a block far below the head."""

    @property
    def contradiction(self) -> str:
        return "empty"


class Bodies:
    """Asks the pool for whole blocks; `assembly` makes them of what an endpoint answers."""

    def __init__(self, pool: Pool, checking: Checking, assembly: Assembly) -> None:
        self._pool = pool
        self._checking = checking
        self._assembly = assembly

    async def by_number(self, number: int, *, at_head: bool) -> Fetched:
        """The canonical block of a height; `at_head` is False where it is far below the chain's head.

        Raises NodeFailure after some attempts, null answers included, and Refusal where all endpoints have
        said what no attempt mends.
        """

        async def work(endpoint: Endpoint) -> Fetched:
            raw = present(
                endpoint, await endpoint.call(BY_NUMBER, hex(number), True), f"{BY_NUMBER} {number}"
            )
            block = self._checking.header(endpoint, raw)
            self._checking.passed(endpoint, lambda: check_place(block, number=number))
            return await self._assembly.whole(endpoint, block, raw, None, at_head)

        async def of_old(endpoint: Endpoint) -> Fetched:
            # Near the head a node may lag; far below it, it has not what the others have.
            try:
                return await work(endpoint)
            except NodeFailure as failure:
                if failure.outcome != "null":
                    raise
                raise Empty(endpoint.name, failure.what, "null") from failure

        return await self._whole(work if at_head else of_old, "block")

    async def by_hash(self, head: Head) -> Fetched:
        """A block whose header was seen: both calls at once. Raises as `by_number`."""

        async def work(endpoint: Endpoint) -> Fetched:
            raw, listed = await all_of(
                self._body(endpoint, head), self._assembly.receipts.beside(endpoint, head.hash)
            )
            block = self._checking.header(endpoint, raw)
            self._checking.passed(endpoint, lambda: check_place(block, hash=head.hash))
            return await self._assembly.whole(endpoint, block, raw, listed, True)

        return await self._whole(work, "block by hash")

    async def _whole(self, work: Callable[[Endpoint], Awaitable[Fetched]], kind: str) -> Fetched:
        try:
            return await self._pool.ask(work, kind=kind, rounds=ROUNDS)
        except NodeFailure as error:
            if not error.everywhere:
                raise
            if isinstance(error, Pruned):
                raise Refusal(
                    "pruned",
                    f"no endpoint keeps history so old: {error.what}",
                    remedy="begin at a block that they have with --start N (HEADWATER_CHAIN__START), or add "
                    "a node with the whole history to HEADWATER_CHAIN__RPC",
                    of_block=True,
                ) from error
            remedy = error.remedy if isinstance(error, Rejected) else ""
            raise Refusal(
                "rejected", f"{error.what}, alike at every endpoint", remedy=remedy, of_block=True
            ) from error

    async def _body(self, endpoint: Endpoint, head: Head) -> memoryview:
        reference = "0x" + head.hash.hex()
        refused: NodeFailure | Unsupported = NodeFailure(
            endpoint.name, f"{BY_HASH} {reference}: null", "null"
        )
        try:
            raw = await endpoint.call(BY_HASH, reference, True)
            if not is_null(raw):
                return raw
        except (NodeFailure, Unsupported) as failure:
            if not is_of_hashes(failure):
                raise
            refused = failure
        # Some nodes know blocks by height alone.
        raw = await endpoint.call(BY_NUMBER, hex(head.number), True)
        if is_null(raw):
            raise refused
        return raw
