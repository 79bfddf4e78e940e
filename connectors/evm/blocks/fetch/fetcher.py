"""Whole blocks from one node: header, transactions, receipts and traces that belong together, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from connectors.evm.blocks import unlisted
from connectors.evm.blocks.cache import BlockCache
from connectors.evm.blocks.checks import SHAPE, Verifier, check_place
from connectors.evm.blocks.decode import Block, ShapeError, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.receipts import Receipts, present
from connectors.evm.blocks.roots import RootError
from connectors.evm.blocks.traces import check_calls, check_flat
from connectors.evm.events import STAGE, Content, Head
from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.pool.comparison import Votes
from connectors.evm.pool.quorum import NoQuorum, Quorum
from connectors.evm.pool.rejected import Rejected
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, NoSuchBlock, Pruned, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint
from headwater.errors import Fatal
from headwater.evm.answers.shapes import Receipt
from headwater.logging import about
from headwater.metrics import listener as metrics
from headwater.redaction import brief

T = TypeVar("T")
BY_HASH: Final = "eth_getBlockByHash"
BY_NUMBER: Final = "eth_getBlockByNumber"
_NO_RECEIPTS: Final = b"[]"
_ALWAYS_THERE: Final = ("latest", "earliest")
GAP: Final = 16
"""Heights without a block, one after the other, that are known for what they are."""
ROUNDS: Final = 3
"""Attempts over all endpoints before the head is looked at again: the block may be gone."""


class Absent(NodeFailure):
    """A node does not know the block of a hash that others have seen."""


class Empty(NodeFailure):
    """Nothing in answer to a question about a block far below the head."""

    @property
    def contradiction(self) -> str:
        return "empty"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A block that passed its checks; only its link to the parent is not checked yet."""

    head: Head
    content: Content


class Fetcher:
    """Asks a pool for heads and blocks. `traces` is the tracing call to make, or `off`.

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
        self._cache = BlockCache[Fetched](chain, cache_bytes)
        self._quorum = quorum
        self._block_receipt = block_receipt
        self._chain = chain
        self._pool = pool
        self._verifier = verifier
        self._traces = traces
        self._receipts = Receipts()
        self.source = ""
        """The endpoint that told the head that was asked for last, "" where several did."""

    async def head(
        self, tag: str, *, finalized: Head | None = None, rounds: int | None = None
    ) -> Head | None:
        """The block that a tag names, None when there is no such block yet.

        Raises Unsupported when no node knows the tag, NodeFailure after `rounds` over all nodes. A node
        whose block is below `finalized` is passed over: it lags, or lost what it had.
        """

        async def named(endpoint: Endpoint) -> Head | None:
            head = await self._named(endpoint, tag, finalized)
            if tag == "latest":
                self.source = endpoint.name
            return head

        if self._quorum is not None and tag == "latest":
            found = await self._quorum.head(named, self._at)
            self.source = ""
            return found
        told = await self._pool.ask(named, kind="head", rounds=rounds)
        if self._quorum is not None and told is not None:
            return await self._quorum.head(named, self._at)
        return told

    async def heads(self, tag: str) -> list[tuple[str, Head | None]]:
        """What each endpoint that answers soon says that a tag names, by the endpoint's name."""
        return await self._pool.soon(lambda each: self._named(each, tag, None))

    async def votes(self, head: Head) -> Votes:
        """What the endpoints that answer soon have at a block's height."""

        async def both(endpoint: Endpoint) -> tuple[Head | None, Head | None]:
            there, final = await asyncio.gather(
                self._header_on(endpoint, head.number, None), self._final_on(endpoint)
            )
            return there, final

        return Votes(head, dict(await self._pool.soon(both)))

    async def _final_on(self, endpoint: Endpoint) -> Head | None:
        """What is final to an endpoint, None where it does not say."""
        try:
            return await self._named(endpoint, "finalized", None)
        except (NodeFailure, Unsupported):
            return None  # It says what it has at a height all the same.

    def _at(self, number: int) -> Callable[[Endpoint], Awaitable[Head | None]]:
        return lambda endpoint: self._header_on(endpoint, number, None)

    async def freshest(self, *, finalized: Head | None = None) -> Head | None:
        """The highest head of all nodes, asked at once; None when none answers. Raises NoQuorum."""
        if self._quorum is not None:
            return await self.head("latest", finalized=finalized)
        found = await self._pool.best(
            lambda endpoint: self._from(endpoint, finalized),
            lambda told: -1 if told[1] is None else told[1].number,
        )
        if found is None:
            return None
        self.source, head = found
        return head

    async def _from(self, endpoint: Endpoint, finalized: Head | None) -> tuple[str, Head | None]:
        return endpoint.name, await self._named(endpoint, "latest", finalized)

    async def _named(self, endpoint: Endpoint, tag: str, finalized: Head | None) -> Head | None:
        try:
            raw = await endpoint.call("eth_getBlockByNumber", tag, False)
        except NoSuchBlock as failure:
            if tag in _ALWAYS_THERE:
                raise
            if failure.invalid:
                raise Unsupported(endpoint.name, failure.what) from failure
            # geth answers "finalized block not found" before there is one.
            return None
        if is_null(raw):
            if tag in _ALWAYS_THERE:
                raise NodeFailure(endpoint.name, f"eth_getBlockByNumber {tag}: null", "null")
            return None
        head = self._header(endpoint, raw).head
        if finalized is not None and head.number < finalized.number:
            raise NodeFailure(
                endpoint.name,
                f"its head {head.number} is below the finalized block {finalized.number}: not used until "
                "it has caught up (if the chain itself went back: "
                f"`headwater listen --accept-fork 0x{head.hash.hex()}`)",
                "behind",
            )
        return head

    async def header(self, *, number: int | None = None, hash: bytes | None = None) -> Head | None:
        """The header's facts of a height or a hash, None when no node knows it. Raises NodeFailure.

        With both it is the block of that hash, from a node that knows blocks by height alone too.
        """

        async def known(endpoint: Endpoint) -> Head | None:
            found = await self._header_on(endpoint, number, hash)
            if found is None and hash is not None and self._quorum is not None:
                # Those that agreed on the head have it; who is asked first may not be one of them.
                raise Absent(endpoint.name, f"no block 0x{hash.hex()}", "null")
            return found

        try:
            return await self._pool.ask(known, kind="header", rounds=ROUNDS)
        except Absent:
            return None

    async def _header_on(self, endpoint: Endpoint, number: int | None, hash: bytes | None) -> Head | None:
        refused: NodeFailure | Unsupported | None = None
        for method, reference in _references(number, hash):
            try:
                raw = await endpoint.call(method, reference, False)
            except NoSuchBlock:
                continue
            except (NodeFailure, Unsupported) as failure:
                if method != BY_HASH or number is None or not _is_of_hashes(failure):
                    raise
                refused = failure
                continue
            if is_null(raw):
                continue
            block = self._header(endpoint, raw)
            if hash is not None and method == BY_NUMBER and block.head.hash != hash:
                break
            self._checked(endpoint, partial(check_place, block, number=number, hash=hash))
            return block.head
        if refused is not None:
            raise refused
        return None

    async def by_number(self, number: int, *, at_head: bool = True) -> Fetched:
        """The canonical block of a height; `at_head` is False where it is far below the chain's head.

        Raises NodeFailure after some attempts, null answers included, and Fatal where no attempt can do.
        """

        async def work(endpoint: Endpoint) -> Fetched:
            raw = present(
                endpoint,
                await endpoint.call("eth_getBlockByNumber", hex(number), True),
                f"eth_getBlockByNumber {number}",
            )
            block = self._header(endpoint, raw)
            self._checked(endpoint, lambda: check_place(block, number=number))
            listed = await self._receipts.of(endpoint, block) if block.transactions else _NO_RECEIPTS
            return await self._assembled(endpoint, block, raw, listed, at_head)

        async def of_old(endpoint: Endpoint) -> Fetched:
            # Near the head a node may lag; far below it, it has not what the others have.
            try:
                return await work(endpoint)
            except NodeFailure as failure:
                if failure.outcome != "null":
                    raise
                raise Empty(endpoint.name, failure.what, "null") from failure

        try:
            with about(lambda: {"stage": STAGE, "block": number}):
                fetched = await self._held_at(number, at_head)
                if fetched is None:
                    fetched = await self._whole(work if at_head else of_old, "block")
            if self._quorum is not None:
                await self._quorum.confirm(fetched.head, self._at)
            self._cache.put(fetched, at_head)
            return fetched
        except (NoQuorum, Overdue):
            # More questions about the heights around it would only take as long again.
            raise
        except NodeFailure as error:
            _refuse_genesis(number, error)
            await self._refuse_gap(number)
            raise

    async def _held_at(self, number: int, at_head: bool) -> Fetched | None:
        """The block of a height from the cache, where a node says that it is still that one."""
        held = self._cache.at(number)
        head = None if held is None else await self.header(number=number)
        return None if head is None or head.hash != held else self._cache.get(head.hash, at_head)

    async def _whole(self, work: Callable[[Endpoint], Awaitable[Fetched]], kind: str) -> Fetched:
        try:
            return await self._pool.ask(work, kind=kind, rounds=ROUNDS)
        except NodeFailure as error:
            if not error.everywhere:
                raise
            if isinstance(error, Pruned):
                raise Fatal(
                    f"no endpoint keeps history so old: {error.what}",
                    remedy="begin at a block that they have with --start N (HEADWATER_CHAIN__START), or add "
                    "a node with the whole history to HEADWATER_CHAIN__RPC",
                ) from error
            raise Fatal(
                f"{error.what}, alike at every endpoint",
                remedy="if this chain makes its roots otherwise, HEADWATER_CHAIN__VERIFY_ROOTS=off turns the "
                "check off; else have the nodes' operators look at that block",
            ) from error

    async def _refuse_gap(self, number: int) -> None:
        """Raises Fatal for a height that no node will ever have a block at.

        The chain goes on over it as if there were none, or begins above it.
        """
        try:
            below = await self.header(number=number - 1) if number else None
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
            return await self._pool.ask(
                lambda endpoint: self._header_on(endpoint, number, None), kind="header", rounds=1
            )
        except NodeFailure:
            return None  # A height without a block may be an error, as Filecoin has it.

    async def _refuse_below_first(self, number: int) -> None:
        first = [head for _, head in await self._pool.each(lambda each: self._named(each, "earliest", None))]
        lowest = min((head.number for head in first if head is not None), default=number)
        # Who does not answer may have the block.
        if len(first) == self._pool.size and lowest > number:
            raise Fatal(
                f"no endpoint has block {number}: the first that one of them has is block {lowest}",
                remedy=f"begin there with --start {lowest} (HEADWATER_CHAIN__START), or add a node with the "
                "whole history to HEADWATER_CHAIN__RPC",
            )

    async def by_hash(self, head: Head) -> Fetched:
        """A block whose header was seen: both calls at once.

        Raises NodeFailure after some attempts, and Fatal where no attempt can do.
        """
        held = self._cache.get(head.hash, True)
        if held is not None:
            return held

        async def work(endpoint: Endpoint) -> Fetched:
            listed: bytes | memoryview | None
            raw, listed = await asyncio.gather(
                self._body(endpoint, head), self._receipts.beside(endpoint, head.hash)
            )
            block = self._header(endpoint, raw)
            self._checked(endpoint, lambda: check_place(block, hash=head.hash))
            if listed is None:
                listed = await self._receipts.of(endpoint, block) if block.transactions else _NO_RECEIPTS
            return await self._assembled(endpoint, block, raw, listed, True)

        with about(head.log_fields):
            fetched = await self._whole(work, "block by hash")
        self._cache.put(fetched, True)
        return fetched

    async def _body(self, endpoint: Endpoint, head: Head) -> memoryview:
        reference = "0x" + head.hash.hex()
        refused: NodeFailure | Unsupported = NodeFailure(
            endpoint.name, f"{BY_HASH} {reference}: null", "null"
        )
        try:
            raw = await endpoint.call(BY_HASH, reference, True)
            if not is_null(raw):
                return raw
            refused = NodeFailure(endpoint.name, f"{BY_HASH} {reference}: null", "null")
        except (NodeFailure, Unsupported) as failure:
            if not _is_of_hashes(failure):
                raise
            refused = failure
        # Some nodes know blocks by height alone.
        raw = await endpoint.call(BY_NUMBER, hex(head.number), True)
        if is_null(raw):
            raise refused
        return raw

    async def _assembled(
        self,
        endpoint: Endpoint,
        block: Block,
        raw: memoryview,
        receipts: bytes | memoryview,
        at_head: bool,
    ) -> Fetched:
        listed = present(endpoint, receipts, f"receipts of block {block.head.number}")
        listed = await self._receipts.completed(endpoint, block, listed)
        try:
            decoded: Sequence[Receipt] = self._checked(endpoint, lambda: decode_receipts(listed))
        except Rejected as rejected:
            listed = await self._in_place_of(endpoint, block, rejected)
            decoded = self._checked(endpoint, lambda: decode_receipts(listed))
        own: Sequence[Receipt] = ()
        left_out = len(decoded) > len(block.transactions)
        if tuple(each.transaction_hash for each in decoded) != block.transactions:
            found = unlisted.listed(block, listed, decoded)
            if found is None:
                listed = await self._receipts.singly(endpoint, block)
                decoded = self._checked(endpoint, lambda: decode_receipts(listed))
            else:
                listed, decoded, own = found.raw, found.receipts, found.own
        if self._block_receipt and not own:
            alone = await self._receipts.of_block(endpoint, block)
            own = self._checked(endpoint, lambda: decode_receipts(alone))
        verified = self._checked(
            endpoint,
            lambda: self._verifier.check(block, decoded, own=own, left_out=left_out, at_head=at_head),
        )
        traces = await self._traces_of(endpoint, block)
        content = Content(bytes(raw), bytes(listed), traces, endpoint.name, verified)
        return Fetched(block.head, content)

    async def _in_place_of(self, endpoint: Endpoint, block: Block, rejected: Rejected) -> bytes:
        """Single receipts in place of a list that cannot be read. Raises `rejected` where there are none."""
        try:
            return await self._receipts.singly(endpoint, block)
        except (NodeFailure, Unsupported):
            raise rejected from None

    def _header(self, endpoint: Endpoint, raw: memoryview) -> Block:
        def decoded() -> Block:
            block = decode_block(raw)
            self._verifier.check_header(block)
            return block

        return self._checked(endpoint, decoded)

    async def _traces_of(self, endpoint: Endpoint, block: Block) -> bytes | None:
        if self._traces == "off":
            return None
        reference = "0x" + block.head.hash.hex()
        if self._traces == "callTracer":
            raw = await endpoint.call("debug_traceBlockByHash", reference, {"tracer": "callTracer"})
        else:
            raw = await endpoint.call("trace_block", hex(block.head.number))
        found = bytes(present(endpoint, raw, f"traces of block {block.head.number}"))
        check = check_calls if self._traces == "callTracer" else check_flat
        self._checked(endpoint, lambda: check(found, block, every=self._verifier.traces))
        return found

    def _checked(self, endpoint: Endpoint, check: Callable[[], T]) -> T:
        try:
            return check()
        except (ValueError, RecursionError) as error:
            # Whatever stumbles over what others wrote: it is that answer which is bad.
            raise self._rejected(endpoint, error) from error

    def _rejected(self, endpoint: Endpoint, error: ValueError | RecursionError) -> Rejected:
        check = error.check if isinstance(error, CheckError) else SHAPE
        metrics.REJECTED_BLOCKS.labels(self._chain, check).inc()
        found = error.found if isinstance(error, RootError) else ""
        known = isinstance(error, CheckError | ShapeError)
        return Rejected(endpoint.name, check, str(error) if known else f"no block: {brief(error)}", found)


def _refuse_genesis(number: int, error: NodeFailure) -> None:
    """Raises Fatal when no node has the first block whole: some chains have one without receipts, or none."""
    if number == 0 and error.outcome in ("null", "rejected"):
        raise Fatal(
            f"block 0 cannot be had whole from any node: {error.what}",
            remedy="a chain's first block may have no receipts: begin above it with --start 1 "
            "(HEADWATER_CHAIN__START)",
        ) from error


def _is_of_hashes(failure: NodeFailure | Unsupported) -> bool:
    """Whether a node that failed on a block of a hash may answer for its height."""
    return isinstance(failure, Unsupported) or failure.outcome in ("null", "error")


def _references(number: int | None, hash: bytes | None) -> Iterator[tuple[str, str]]:
    """The calls for a block, (method, reference), the exact one first."""
    if hash is not None:
        yield BY_HASH, "0x" + hash.hex()
    if number is not None:
        yield BY_NUMBER, hex(number)
