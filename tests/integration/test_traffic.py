"""The traffic generator on a real anvil: everything it promises is on the chain, which stays whole."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from headwater.errors import Fatal
from headwater.evm.header import header_is_genuine
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.traffic.accounts import accounts
from sandbox.traffic.deployment import places, script
from sandbox.traffic.generator import Generator, Traffic
from sandbox.traffic.node import Node

ERC20_OR_721 = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
EXPECTED_TYPES = {"0x0", "0x1", "0x2", "0x3", "0x4"}
MAKE_SECONDS = 40.0


async def run_until(node: Node, traffic: Traffic, done: Callable[[Generator], bool]) -> Generator:
    """Run a generator until `done` says so, at most MAKE_SECONDS."""
    ended = asyncio.Event()

    def look(generator: Generator) -> None:
        if done(generator):
            ended.set()

    generator = Generator(node, traffic, look)
    async with asyncio.timeout(MAKE_SECONDS):
        await generator.run(ended)
    return generator


async def blocks(node: Node) -> tuple[list[dict], list[dict]]:  # type: ignore[type-arg]
    """Return every block and receipt; fails when a header does not verify or link."""
    head = int(str(await node.call("eth_blockNumber")), 16)
    found: list[dict] = []  # type: ignore[type-arg]
    receipts: list[dict] = []  # type: ignore[type-arg]
    for number in range(head + 1):
        block = await node.call("eth_getBlockByNumber", hex(number), True)
        assert isinstance(block, dict), f"block {number} is {block}"
        assert header_is_genuine(block)
        assert not found or block["parentHash"] == found[-1]["hash"]
        found.append(block)
        answered = await node.call("eth_getBlockReceipts", hex(number))
        assert isinstance(answered, list)
        receipts += answered
    return found, receipts


async def test_traffic_with_reorgs_leaves_a_whole_chain(make_chain: Callable[..., str]) -> None:
    async with Node(make_chain(block_seconds=1)) as node:
        traffic = Traffic(25, 3, reorg_every=2, reorg_depth=(1, 4))
        await run_until(node, traffic, lambda g: g.reorgs >= 3 and g.sent.total() > 200)
        found, receipts = await blocks(node)
        topics = Counter(log["topics"][0] for receipt in receipts for log in receipt["logs"])
        assert {ERC20_OR_721, SINGLE, BATCH, SWAP} <= topics.keys()
        assert {receipt["status"] for receipt in receipts} == {"0x0", "0x1"}
        types = {tx["type"] for block in found for tx in block["transactions"]}
        assert {"0x0", "0x1", "0x2"} <= types <= EXPECTED_TYPES
        for place in (places().gold, places().silver, places().collectible, places().items, places().pair):
            assert await node.call("eth_getCode", place, "latest") != "0x"
        creations = [receipt for receipt in receipts if receipt["contractAddress"]]
        assert len(creations) >= 5

        # A new generator finds the contracts where they are and goes on.
        await run_until(node, Traffic(25, 4, reorg_every=0), lambda g: g.sent.total() > 60)
        _, more = await blocks(node)
        assert len(more) > len(receipts)
        deployed = await node.call("eth_getTransactionCount", accounts().deployer.address, "latest")
        assert int(str(deployed), 16) == len(script())


async def test_traffic_waits_for_a_node_that_is_away_and_refuses_a_real_one() -> None:
    recorded = RecordedNode(AdjustableChain.synthetic(3))
    async with recorded.serve() as running, Node(running.url) as node:
        with pytest.raises(Fatal, match="no local development chain"):
            await Generator(node, Traffic(5, 0)).run(asyncio.Event())
    async with Node(running.url) as gone:
        generator = Generator(gone, Traffic(5, 0))
        ended = asyncio.Event()
        task = asyncio.create_task(generator.run(ended))
        await asyncio.wait({task}, timeout=1)
        assert not task.done()
        ended.set()
        await task
        assert generator.sent.total() == 0
