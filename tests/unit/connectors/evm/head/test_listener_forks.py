"""Forks of any depth and height, and two branches on one node."""

from __future__ import annotations

import orjson
import pytest

from connectors.evm.log.codec import EventCodec
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from headwater.settings import ChainSettings
from sandbox.node import RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    NodeTransport,
    accepted,
    canonical,
    hashes,
    make_rig,
    served,
    settled_rig,
)
from topics.chainlog.kinds import EventKind


@pytest.mark.parametrize("keeps_orphans", [True, False])
@pytest.mark.parametrize(("depth", "length"), [(1, 1), (1, 2), (3, 4), (3, 1), (4, 2), (5, 9)])
async def test_it_follows_a_fork_to_any_height(depth: int, length: int, keeps_orphans: bool) -> None:
    chain, node = served(8, keeps_orphans=keeps_orphans)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    orphans = chain.hashes[-depth:]
    chain.fork(depth, length)
    await rig.settle()
    assert hashes(store) == chain.hashes
    reverts = [each for each in accepted(store) if each.kind is EventKind.REVERT]
    assert ["0x" + each.head.hash.hex() for each in reverts if each.head] == orphans[::-1]
    codec = EventCodec(CHAIN_ID, 7)
    for each in reverts:
        again = codec.content([store.log[each.position.offset][1].value])
        assert each.head is not None
        applied = next(a for a in accepted(store) if a.kind is EventKind.APPLY and a.head == each.head)
        assert again == codec.content([store.log[applied.position.offset][1].value])


async def test_a_fork_below_the_first_published_block_is_followed() -> None:
    chain, node = served(8)
    store = MemoryStore()
    settings_ = ChainSettings(chain_id=CHAIN_ID, start="6")
    rig = await settled_rig(store, [node], chain=settings_)
    assert [head.number for head in canonical(store)] == [6, 7, 8]
    chain.fork(5, 7)
    await rig.settle()
    assert [head.number for head in canonical(store)] == [6, 7, 8, 9, 10]
    assert hashes(store) == chain.hashes[5:]
    assert len([each for each in accepted(store) if each.kind is EventKind.REVERT]) == 3


async def test_a_chain_that_falls_below_the_first_published_block_waits_and_resumes_there() -> None:
    chain, node = served(8)
    store = MemoryStore()
    rig = await settled_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="6"))
    chain.fork(5, 1)
    await rig.settle()
    assert canonical(store) == []
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="6"))
    await rig.log.open()
    chain.extend(3)
    await rig.settle()
    assert [head.number for head in canonical(store)] == [6, 7]


class Balanced:
    """A balancer whose heights come from one node, and whose tags and hashes from another."""

    def __init__(self, transport: NodeTransport, by_height: RecordedNode, by_hash: RecordedNode) -> None:
        self._transport, self._by_height, self._by_hash = transport, by_height, by_hash

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        asked = orjson.loads(body)
        method, reference = asked["method"], (asked["params"] or [""])[0]
        if method == "eth_getBlockReceipts":
            heights = self._by_height.chain.by_hash(reference) is not None
        else:
            heights = method == "eth_getBlockByNumber" and reference.startswith("0x")
        self._transport.nodes[url] = self._by_height if heights else self._by_hash
        return await self._transport.post(url, body)

    async def close(self) -> None: ...


async def test_heights_of_one_branch_and_a_head_of_another_make_no_endless_fork() -> None:
    chain, by_height = served(20)
    other, by_hash = served(20)
    store = MemoryStore()
    rig = await settled_rig(store, [by_height])
    other.fork(3, 6)
    chain.extend(2)
    for endpoint in rig.nodes.endpoints:
        endpoint._transport = Balanced(rig.transport, by_height, by_hash)
    await rig.settle()
    before = len(store.log)
    for _ in range(20):
        await rig.settle()
    assert hashes(store) == other.hashes
    assert len(store.log) == before
    other.extend()
    await rig.settle()
    assert hashes(store) == other.hashes


async def test_a_branch_that_cannot_be_had_whole_takes_nothing_back() -> None:
    chain, node = served(20)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    before = len(store.log)
    chain.fork(3, 5)
    for method in ("eth_getBlockReceipts", "eth_getTransactionReceipt"):
        node.faults.add(f.Status(503), method, times=100)
    with pytest.raises(NodeFailure):
        await rig.listener.round()
    assert len(store.log) == before
    node.faults.clear()
    await rig.settle()
    assert hashes(store) == chain.hashes
