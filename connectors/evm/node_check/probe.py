"""Asks one endpoint everything. A call that fails is a finding; only what is not a node ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.node_check import limits
from connectors.evm.node_check.findings import NO, Findings
from connectors.evm.pool.admission import is_syncing
from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.answers import NodeFailure, Unsupported, is_null
from connectors.evm.rpc.chain_id import chain_id
from connectors.evm.rpc.endpoint import Endpoint, Param
from headwater.digits import quantity
from headwater.errors import Fatal
from headwater.evm.answers.errors import UNREADABLE
from headwater.redaction import brief

LATENCY_CALLS: Final = 20
SAMPLE_BACK: Final = (8, 64, 1_000)
"""Blocks below the head that are fetched whole and checked."""
_SHOWN: Final = 100

VerifierOf = Callable[[int], Verifier]


class _Head(msgspec.Struct):
    number: str
    hash: str
    timestamp: str
    transactions: list[str] = msgspec.field(default_factory=list)


_decoder: Final[msgspec.json.Decoder[_Head | None]] = msgspec.json.Decoder(_Head | None)


async def probe(
    endpoint: Endpoint, verifier_of: VerifierOf, now: Callable[[], float] = time.time
) -> Findings:
    """What the endpoint can do. `verifier_of` gives the checks of a chain's id."""
    found = Findings(endpoint.name)
    try:
        found.chain_id = await chain_id(endpoint)
        found.syncing = await is_syncing(endpoint)
        head = await _block(endpoint, "latest")
    except (NodeFailure, Unsupported) as error:
        found.trouble = brief(error.what, _SHOWN)
        return found
    if head is None:
        found.trouble = "it has no latest block"
        return found
    if found.syncing:
        found.trouble = "it is still syncing"
    found.head = int(head.number, 16)
    found.head_age = round(now() - int(head.timestamp, 16), 1)
    found.client = await _client(endpoint)
    await _time(endpoint, found)
    for tag in ("safe", "finalized", "earliest"):
        found.tags[tag] = await _tag(endpoint, tag)
    await _methods(endpoint, found, head)
    found.batch = await limits.batch(endpoint)
    if found.methods["eth_getLogs"] == "yes":
        found.log_range = await limits.log_range(endpoint, found.head)
    found.oldest_block = await limits.oldest_block(endpoint, found.head, found.receipts)
    found.oldest_state = await limits.oldest_state(endpoint, found.head)
    await _sample(endpoint, found, verifier_of(found.chain_id))
    if found.receipts == "none":
        found.trouble = found.trouble or "it gives no receipts"
    if found.failed and len(found.failed) == len(found.verified):
        found.trouble = found.trouble or "no block of the sample passes its checks"
    return found


async def _block(endpoint: Endpoint, reference: str) -> _Head | None:
    raw = await endpoint.call("eth_getBlockByNumber", reference, False)
    try:
        found = _decoder.decode(raw)
    except UNREADABLE as error:
        raise NodeFailure(endpoint.name, f"eth_getBlockByNumber {reference}: {error}", "broken") from error
    if found is not None and None in (quantity(found.number), quantity(found.timestamp)):
        raise NodeFailure(
            endpoint.name,
            f"eth_getBlockByNumber {reference}: number or timestamp is not a quantity",
            "broken",
        )
    return found


async def _client(endpoint: Endpoint) -> str:
    try:
        return brief(str(msgspec.json.decode(await endpoint.call("web3_clientVersion"))), _SHOWN)
    except (NodeFailure, Unsupported, *UNREADABLE):
        return ""


async def _time(endpoint: Endpoint, found: Findings) -> None:
    took: list[float] = []
    for _ in range(LATENCY_CALLS):
        began = time.perf_counter()
        try:
            await endpoint.call("eth_blockNumber")
        except (NodeFailure, Unsupported):
            continue
        took.append((time.perf_counter() - began) * 1000)
    if took:
        took.sort()
        found.latency_p50 = round(took[len(took) // 2], 2)
        found.latency_p95 = round(took[len(took) * 95 // 100], 2)


async def _tag(endpoint: Endpoint, tag: str) -> int | str:
    try:
        block = await _block(endpoint, tag)
    except Unsupported:
        return NO
    except NodeFailure as failure:
        return brief(failure.what, _SHOWN)
    return "null" if block is None else int(block.number, 16)


async def _methods(endpoint: Endpoint, found: Findings, head: _Head) -> None:
    one = head.transactions[0] if head.transactions else "0x" + "00" * 32
    asked: list[tuple[str, str, tuple[Param, ...]]] = [
        ("eth_getBlockByHash", "eth_getBlockByHash", (head.hash, False)),
        ("eth_getBlockReceipts by hash", "eth_getBlockReceipts", (head.hash,)),
        ("eth_getBlockReceipts by number", "eth_getBlockReceipts", (head.number,)),
        ("eth_getTransactionReceipt", "eth_getTransactionReceipt", (one,)),
        ("eth_getLogs", "eth_getLogs", ({"blockHash": head.hash},)),
        ("debug_traceBlockByHash", "debug_traceBlockByHash", (head.hash, {"tracer": "callTracer"})),
        ("trace_block", "trace_block", (head.number,)),
        ("txpool_status", "txpool_status", ()),
    ]
    answers = [await _answered(endpoint, method, params) for _, method, params in asked]
    found.methods = {name: answer for (name, _, _), answer in zip(asked, answers, strict=True)}
    ways = {
        "by_hash": "eth_getBlockReceipts by hash",
        "by_number": "eth_getBlockReceipts by number",
        "singly": "eth_getTransactionReceipt",
    }
    usable = [way for way, method in ways.items() if found.methods[method] == "yes"]
    # A block without transactions says nothing of how single receipts are answered but that they are.
    if not usable and not head.transactions and found.methods["eth_getTransactionReceipt"] == "null":
        usable = ["singly"]
    found.receipts = usable[0] if usable else "none"
    traces = {"callTracer": "debug_traceBlockByHash", "trace_block": "trace_block"}
    found.traces = tuple(name for name, method in traces.items() if found.methods[method] == "yes")


async def _answered(endpoint: Endpoint, method: str, params: tuple[Param, ...]) -> str:
    try:
        raw = await endpoint.call(method, *params)
    except Unsupported:
        return NO
    except NodeFailure as failure:
        return brief(failure.what, _SHOWN)
    return "null" if is_null(raw) else "yes"


async def _sample(endpoint: Endpoint, found: Findings, verifier: Verifier) -> None:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    head = found.head or 0
    lowest = found.oldest_block if found.oldest_block is not None else head
    nodes = Nodes([endpoint], found.chain_id, part=None, sleep=at_once)
    fetcher = Fetcher(endpoint.chain, nodes, verifier)
    for number in sorted({max(lowest, head - back) for back in SAMPLE_BACK}):
        try:
            found.verified[number] = (await fetcher.by_number(number)).content.verified
        except (NodeFailure, Unsupported) as error:
            found.verified[number] = brief(error.what, 3 * _SHOWN)
        except Fatal as error:
            found.verified[number] = brief(str(error), 3 * _SHOWN)
