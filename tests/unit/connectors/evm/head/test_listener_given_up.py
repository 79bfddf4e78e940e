"""Questions that are asked at once: what fails in one of them leaves none of the others at the nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from connectors.evm.events import Head
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from connectors.evm.rpc.endpoint import Transport
from sandbox.node import RecordedNode
from tests.fakes.listening import MemoryStore, Rig, made_up_head, served, settled_rig

Call = dict[str, Any]
REFUSED = HttpAnswer(503, b"upstream unavailable")


class Half:
    """Posts as `inner` does; refuses some calls once others of them hang, which never end."""

    def __init__(self, inner: Transport, refuses: Callable[[Call], bool], hangs: Callable[[Call], bool]):
        self._inner = inner
        self._refuses = refuses
        self._hangs = hangs
        self._hanging = asyncio.Event()
        self.under_way = 0

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        call = orjson.loads(body)
        if self._refuses(call):
            await self._hanging.wait()
            return REFUSED
        if self._hangs(call):
            self.under_way += 1
            self._hanging.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.under_way -= 1
        return await self._inner.post(url, body)

    async def close(self) -> None:
        await self._inner.close()


async def rig_of(
    node: RecordedNode, refuses: Callable[[Call], bool], hangs: Callable[[Call], bool]
) -> tuple[Rig, Half]:
    """A listener at the head of a node that from now on answers by halves."""
    rig = await settled_rig(MemoryStore(), [node])
    half = Half(rig.transport, refuses, hangs)
    for endpoint in rig.nodes.endpoints:
        endpoint._transport = half
    return rig, half


def asks_for(*words: object) -> Callable[[Call], bool]:
    """Whether the call has all of these in its method or parameters."""
    return lambda call: all(each == call["method"] or each in call["params"] for each in words)


async def test_a_branch_of_which_one_block_cannot_be_had_leaves_no_block_of_it_asked_for() -> None:
    chain, node = served(8)
    rig, half = await rig_of(
        node,
        lambda call: asks_for(chain.hashes[-2], True)(call),
        lambda call: any(asks_for(each, True)(call) for each in chain.hashes[-4:-2]),
    )
    chain.fork(3, 4)
    before = asyncio.all_tasks()
    with pytest.raises(NodeFailure, match="HTTP 503"):
        await rig.listener.round()
    assert half.under_way == 0
    assert asyncio.all_tasks() == before
    await rig.close()


async def test_a_block_that_cannot_be_had_leaves_no_receipts_of_it_asked_for() -> None:
    _, node = served(8)
    rig, half = await rig_of(node, asks_for("eth_getBlockByHash"), asks_for("eth_getBlockReceipts"))
    before = asyncio.all_tasks()
    with pytest.raises(NodeFailure, match="HTTP 503"):
        await rig.fetcher.by_hash(made_up_head(8))
    assert half.under_way == 0
    assert asyncio.all_tasks() == before
    await rig.close()


async def test_a_node_without_a_vote_is_not_asked_for_the_rest_of_it() -> None:
    _, node = served(8)
    rig, half = await rig_of(node, asks_for(hex(8)), asks_for("finalized"))
    before = asyncio.all_tasks()
    assert not (await rig.fetcher.votes(made_up_head(8))).found
    assert half.under_way == 0
    assert asyncio.all_tasks() == before
    await rig.close()


async def test_a_tag_above_the_tip_leaves_no_header_asked_for() -> None:
    _, node = served(8)
    rig, half = await rig_of(node, asks_for(hex(8)), asks_for(hex(9)))
    tip = rig.log.branch.tip
    assert tip is not None
    before = asyncio.all_tasks()
    meant = await rig.listener._finality._above(Head(9, bytes(32), tip.hash, 0), tip)
    assert "HTTP 503" in meant.why
    assert half.under_way == 0
    assert asyncio.all_tasks() == before
    await rig.close()
