"""Whole blocks from one node: header, transactions, receipts and traces that belong together, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from connectors.evm.answers import NodeFailure, NoSuchBlock, Unsupported, is_null, json_array
from connectors.evm.decode import Block, Head, ShapeError, decode_block, decode_receipts
from connectors.evm.event import Content
from connectors.evm.nodes import Pool, Rejected
from connectors.evm.rpc import Endpoint, Param
from connectors.evm.verify import SHAPE, CheckError, Verifier, check_place
from headwater import metrics

T = TypeVar("T")
Raw = TypeVar("Raw", bytes, memoryview, bytes | memoryview)
_NO_RECEIPTS: Final = b"[]"
RECEIPT_BATCH: Final = 100
ROUNDS: Final = 3
"""Attempts over all endpoints before the head is looked at again: the block may be gone."""


class _Receipts(IntEnum):
    """How a node gives a block's receipts, best first."""

    BY_HASH = 0
    BY_NUMBER = 1
    ONE_BY_ONE = 2


@dataclass(frozen=True, slots=True)
class Fetched:
    """A block that passed its checks; only its link to the parent is not checked yet."""

    head: Head
    content: Content


class Fetcher:
    """Asks a pool for heads and blocks. `traces` is the tracing call to make, or `off`."""

    def __init__(self, chain: str, pool: Pool, verifier: Verifier, traces: str = "off") -> None:
        self._chain = chain
        self._pool = pool
        self._verifier = verifier
        self._traces = traces
        self._receipts: dict[str, _Receipts] = {}

    async def head(self, tag: str) -> Head | None:
        """The block that a tag names, None when the chain has no such tag or no such block yet."""

        async def work(endpoint: Endpoint) -> Head | None:
            try:
                raw = await endpoint.call("eth_getBlockByNumber", tag, False)
            except NoSuchBlock:
                # geth answers "finalized block not found" before there is one.
                if tag == "latest":
                    raise
                return None
            if is_null(raw):
                if tag == "latest":
                    raise NodeFailure(endpoint.name, "eth_getBlockByNumber latest: null", "null")
                return None
            return self._header(endpoint, raw).head

        try:
            return await self._pool.ask(work)
        except Unsupported:
            return None

    async def header(self, *, number: int | None = None, hash: bytes | None = None) -> Head | None:
        """The header's facts of a height or a hash, None when no node knows it. Raises NodeFailure."""

        async def work(endpoint: Endpoint) -> Head | None:
            method, reference = _reference(number, hash)
            raw = await endpoint.call(method, reference, False)
            if is_null(raw):
                return None
            block = self._header(endpoint, raw)
            self._checked(endpoint, lambda: check_place(block, number=number, hash=hash))
            return block.head

        return await self._pool.ask(work, rounds=ROUNDS)

    async def by_number(self, number: int) -> Fetched:
        """The canonical block of a height. Raises NodeFailure after some attempts, null answers included."""

        async def work(endpoint: Endpoint) -> Fetched:
            raw = _present(
                endpoint,
                await endpoint.call("eth_getBlockByNumber", hex(number), True),
                f"eth_getBlockByNumber {number}",
            )
            block = self._header(endpoint, raw)
            self._checked(endpoint, lambda: check_place(block, number=number))
            listed = await self._receipts_of(endpoint, block) if block.transactions else _NO_RECEIPTS
            return await self._assembled(endpoint, block, raw, listed)

        return await self._pool.ask(work, rounds=ROUNDS)

    async def by_hash(self, head: Head) -> Fetched:
        """A block whose header was seen: both calls at once. Raises NodeFailure after some attempts."""
        reference = "0x" + head.hash.hex()

        async def work(endpoint: Endpoint) -> Fetched:
            asked = endpoint.call("eth_getBlockByHash", reference, True)
            listed: bytes | memoryview | None = None
            if self._receipts.get(endpoint.name, _Receipts.BY_HASH) is _Receipts.BY_HASH:
                raw, listed = await asyncio.gather(
                    asked, _if_supported(endpoint.call("eth_getBlockReceipts", reference))
                )
            else:
                raw = await asked
            raw = _present(endpoint, raw, f"eth_getBlockByHash {reference}")
            block = self._header(endpoint, raw)
            self._checked(endpoint, lambda: check_place(block, hash=head.hash))
            if listed is None:
                listed = await self._receipts_of(endpoint, block)
            return await self._assembled(endpoint, block, raw, listed)

        return await self._pool.ask(work, rounds=ROUNDS)

    async def _assembled(
        self, endpoint: Endpoint, block: Block, raw: memoryview, receipts: bytes | memoryview
    ) -> Fetched:
        listed = _present(endpoint, receipts, f"receipts of block {block.head.number}")
        verified = self._checked(endpoint, lambda: self._verifier.check(block, decode_receipts(listed)))
        traces = await self._traces_of(endpoint, block)
        content = Content(bytes(raw), bytes(listed), traces, endpoint.name, verified)
        return Fetched(block.head, content)

    def _header(self, endpoint: Endpoint, raw: memoryview) -> Block:
        def decoded() -> Block:
            block = decode_block(raw)
            self._verifier.check_header(block)
            return block

        return self._checked(endpoint, decoded)

    async def _receipts_of(self, endpoint: Endpoint, block: Block) -> bytes | memoryview:
        reference = "0x" + block.head.hash.hex()
        while True:
            way = self._receipts.get(endpoint.name, _Receipts.BY_HASH)
            if way is _Receipts.ONE_BY_ONE:
                return await _one_by_one(endpoint, block)
            try:
                return await endpoint.call(
                    "eth_getBlockReceipts", reference if way is _Receipts.BY_HASH else hex(block.head.number)
                )
            except Unsupported:
                self._receipts[endpoint.name] = _Receipts(way + 1)

    async def _traces_of(self, endpoint: Endpoint, block: Block) -> bytes | None:
        if self._traces == "off":
            return None
        reference = "0x" + block.head.hash.hex()
        if self._traces == "callTracer":
            raw = await endpoint.call("debug_traceBlockByHash", reference, {"tracer": "callTracer"})
        else:
            raw = await endpoint.call("trace_block", hex(block.head.number))
        found = bytes(_present(endpoint, raw, f"traces of block {block.head.number}"))
        if self._traces == "trace_block" and found != b"[]" and reference.encode() not in found:
            raise self._rejected(
                endpoint, CheckError(SHAPE, f"traces of block {block.head.number} are of another block")
            )
        return found

    def _checked(self, endpoint: Endpoint, check: Callable[[], T]) -> T:
        try:
            return check()
        except (CheckError, ShapeError) as error:
            raise self._rejected(endpoint, error) from error

    def _rejected(self, endpoint: Endpoint, error: CheckError | ShapeError) -> Rejected:
        check = error.check if isinstance(error, CheckError) else SHAPE
        metrics.REJECTED_BLOCKS.labels(self._chain, check).inc()
        return Rejected(endpoint.name, check, str(error))


async def _if_supported(call: Awaitable[memoryview]) -> memoryview | None:
    try:
        return await call
    except Unsupported:
        return None


def _present(endpoint: Endpoint, raw: Raw, what: str) -> Raw:
    if is_null(raw):
        raise NodeFailure(endpoint.name, f"{what}: null", "null")
    return raw


async def _one_by_one(endpoint: Endpoint, block: Block) -> bytes:
    wanted: list[list[Param]] = [[each] for each in block.transactions]
    batches = [wanted[start : start + RECEIPT_BATCH] for start in range(0, len(wanted), RECEIPT_BATCH)]
    found: list[memoryview] = []
    for batch in batches:
        answers = await endpoint.batch("eth_getTransactionReceipt", batch)
        found += [
            _present(endpoint, raw, f"eth_getTransactionReceipt {asked[0]}")
            for raw, asked in zip(answers, batch, strict=True)
        ]
    return json_array(found)


def _reference(number: int | None, hash: bytes | None) -> tuple[str, str]:
    if hash is not None:
        return "eth_getBlockByHash", "0x" + hash.hex()
    if number is not None:
        return "eth_getBlockByNumber", hex(number)
    raise ValueError("neither a number nor a hash")
