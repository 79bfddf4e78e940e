"""What the listener asks of its nodes: heads, headers, and blocks with all that belongs to them."""

from __future__ import annotations

from connectors.evm.blocks.cache import BlockCache
from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.fetch.assembly import Assembly
from connectors.evm.blocks.fetch.bodies import Bodies
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.blocks.fetch.gaps import Gaps
from connectors.evm.blocks.fetch.headers import Headers
from connectors.evm.blocks.fetch.tags import Tags
from connectors.evm.blocks.fetch.traces import Traces
from connectors.evm.events import STAGE, Head
from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.pool.quorum import NoQuorum, Quorum
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure
from headwater.logging import about


class Fetcher:
    """Asks a pool for heads, by the words of `Tags` and `Headers`, and for blocks.

    `traces` is the tracing call to make, or `off`.
    `quorum`: heads and heights count where so many endpoints have the same block there.
    `cache_bytes`: of blocks that passed their checks, held for being asked for again.
    `block_receipt`: blocks have a receipt of their own, which nodes give when asked for it.
    """

    def __init__(
        self,
        chain: str,
        pool: Pool,
        verifier: Verifier,
        traces: str = "off",
        *,
        block_receipt: bool = False,
        quorum: Quorum | None = None,
        cache_bytes: int = 0,
    ) -> None:
        checking = Checking(chain, verifier)
        self._headers = Headers(pool, checking, seen_by_several=quorum is not None)
        self._tags = Tags(pool, checking, self._headers, quorum)
        assembly = Assembly(checking, Traces(traces, checking), block_receipt=block_receipt)
        self._bodies = Bodies(pool, checking, assembly)
        self._gaps = Gaps(pool, self._tags, self._headers)
        self._cache = BlockCache[Fetched](chain, cache_bytes)
        self._quorum = quorum
        self.head = self._tags.head
        self.heads = self._tags.heads
        self.votes = self._tags.votes
        self.freshest = self._tags.freshest
        self.header = self._headers.header

    @property
    def source(self) -> str:
        """The endpoint that told the head that was asked for last, "" where several did."""
        return self._tags.source

    async def by_number(self, number: int, *, at_head: bool = True) -> Fetched:
        """The canonical block of a height; `at_head` is False where it is far below the chain's head.

        Raises NodeFailure after some attempts, null answers included, and Fatal where no attempt can do.
        """
        try:
            with about(lambda: {"stage": STAGE, "block": number}):
                fetched = await self._held_at(number, at_head) or await self._bodies.by_number(
                    number, at_head=at_head
                )
            if self._quorum is not None:
                await self._quorum.confirm(fetched.head, self._headers.at)
            self._cache.put(fetched, at_head)
            return fetched
        except (NoQuorum, Overdue):
            # More questions about the heights around it would only take as long again.
            raise
        except NodeFailure as error:
            await self._gaps.refuse(number, error)
            raise

    async def _held_at(self, number: int, at_head: bool) -> Fetched | None:
        """The block of a height from the cache, where a node says that it is still that one."""
        held = self._cache.at(number)
        head = None if held is None else await self._headers.header(number=number)
        return None if head is None or head.hash != held else self._cache.get(head.hash, at_head)

    async def by_hash(self, head: Head) -> Fetched:
        """A block whose header was seen, from the cache where it is there.

        Raises NodeFailure after some attempts, and Fatal where no attempt can do.
        """
        held = self._cache.get(head.hash, True)
        if held is not None:
            return held
        with about(head.log_fields):
            fetched = await self._bodies.by_hash(head)
        self._cache.put(fetched, True)
        return fetched
