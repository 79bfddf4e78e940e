"""Everything that an answer to a request needs, gathered while the listener follows the head."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from connectors.evm.blocks.checks import PARENT_LINK
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.events import Content, Event, Head
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.search import Search
from connectors.evm.log.whole import Found
from connectors.evm.pool.refusal import Refusal
from connectors.evm.repair.decision import BlockStanding, OnBranch, RequestRejected, Settled, decide, standing
from connectors.evm.repair.request import Request
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater.errors import Fatal
from schemas import MalformedRecord
from topics.chainlog.kinds import EventKind

T = TypeVar("T")
RAW_BLOCKS: Final = "raw-blocks"


class Reads(Protocol):
    """Does blocking work on the log in a thread, for as long as it takes."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, where its block stood when it was prepared, and what to publish if it still does.

    `source` is where the content comes from: raw-blocks, or the node's masked name.
    """

    request: Request
    stands: BlockStanding
    answer: Event | RequestRejected
    source: str = ""


class Preparation:
    """Gathers for one chain."""

    def __init__(self, chain_id: int, log: AsyncLog, search: Search, fetcher: Fetcher) -> None:
        self._chain_id = chain_id
        self._log = log
        self._search = search
        self._fetcher = fetcher
        self._repairs: dict[bytes, int] = {}

    def remember(self, repairs: Mapping[bytes, int]) -> None:
        """Sequences of repairs that were published, by the hash of their block."""
        self._repairs |= repairs

    def stands(self, request: Request) -> BlockStanding:
        """Where the block stands now."""
        return standing(request, self._chain_id, self._log.branch)

    async def prepare(self, request: Request, reads: Reads) -> Prepared:
        """What to publish as things stand. Raises NodeFailure when no node gives a good answer."""
        stands = self.stands(request)
        if isinstance(stands, RequestRejected):
            return Prepared(request, stands, stands)
        try:
            return await self._prepared(request, stands, reads)
        except Refusal as error:
            # Of the nodes, whatever the block: it may pass.
            raise NodeFailure("nodes", str(error), "refused") from error
        except Unsupported as error:
            remedy = "add a node that can to HEADWATER_CHAIN__RPC"
            return Prepared(
                request, stands, RequestRejected(f"no node can serve block {request.block}: {error}", remedy)
            )
        except MalformedRecord as error:
            remedy = "see the dead letters of normalize for what is wrong there; ask with a refetch"
            return Prepared(
                request, stands, RequestRejected(f"raw-blocks cannot be read there: {error}", remedy)
            )

    async def _prepared(self, request: Request, stands: BlockStanding, reads: Reads) -> Prepared:
        assert not isinstance(stands, RequestRejected)
        number = request.block_number
        node: Head | None = None
        first: int | None = None
        log: Sequence[Found] = ()
        if isinstance(stands, Settled):
            node = await self._fetcher.header(number=number)
            first = await reads(self._search.begins_at)
        wanted = request.block_hash or (node.hash if node else None)
        if wanted is not None and not isinstance(stands, OnBranch):
            log = await reads(lambda: self._search.of_height(number, wanted))
        decision = decide(request, stands, node=node, first=first, log=log)
        if isinstance(decision, RequestRejected):
            return Prepared(request, stands, decision)
        former = await self._former(stands, decision.head, log, reads)
        if former is not None and not request.refetch:
            return Prepared(request, stands, Event(decision.kind, decision.head, former), RAW_BLOCKS)
        try:
            fetched = await self._fetcher.by_hash(decision.head)
        except Fatal as error:
            if isinstance(error, Refusal) and not error.of_block:
                raise
            # Of this block: the head goes on.
            return Prepared(request, stands, RequestRejected(error.message, error.remedy))
        content = self._linked(decision.head, fetched.content, former)
        replaced = former if decision.kind is EventKind.REPAIR else None
        return Prepared(
            request, stands, Event(decision.kind, decision.head, content, replaced), content.source
        )

    async def _former(
        self, stands: BlockStanding, head: Head, log: Sequence[Found], reads: Reads
    ) -> Content | None:
        """What was published for the block last, None where raw-blocks does not have it any more."""
        if isinstance(stands, OnBranch):
            link = stands.link
            return await reads(lambda: self._search.content(link.head, link.offset, link.end))
        events = [event for event in log if event.head.hash == head.hash]
        repair = self._log.repair_of(head.hash)
        latest = self._repairs.get(head.hash)
        if latest is not None and (repair is None or repair.sequence < latest):
            repair = await reads(lambda: self._search.of_sequence(latest))
        if repair is not None and repair.head.hash == head.hash:
            events.append(repair)
        if not events:
            return None
        last = max(events, key=lambda event: event.offset)
        return await reads(lambda: self._search.content(last.head, last.offset, last.end))

    def _linked(self, head: Head, content: Content, former: Content | None) -> Content:
        """With the check that a block passes by its place in the chain, where it is known to."""
        below = self._log.branch.at(head.number - 1)
        linked = below is not None and below.hash == head.parent
        if linked or (former is not None and PARENT_LINK in former.verified):
            return replace(content, verified=(*content.verified, PARENT_LINK))
        return content
