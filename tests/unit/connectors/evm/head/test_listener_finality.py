"""Safe and final blocks, tags that are not there, and forks below finality."""

from __future__ import annotations

import asyncio
from typing import Literal

import orjson
import pytest

from connectors.evm.head import finality
from connectors.evm.head.forks import PATIENCE
from connectors.evm.rpc.answers import HttpAnswer
from connectors.evm.rpc.endpoint import Transport
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain
from sandbox.node import faults as f
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    accepted,
    canonical,
    hashes,
    look_for_long,
    make_rig,
    served,
    settled_rig,
)
from tests.fakes.ruled_node import rig_on
from topics.chainlog.kinds import EventKind


async def test_finality_names_published_ancestors_and_bounds_memory() -> None:
    chain, node = served(40, safe_lag=4, finalized_lag=8)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    chain.extend(2)
    await rig.settle()
    canonical(store)
    final = [each.head.number for each in accepted(store) if each.kind is EventKind.FINALIZED and each.head]
    safe = [each.head.number for each in accepted(store) if each.kind is EventKind.SAFE and each.head]
    assert final[-1] == 34
    assert safe[-1] == 38
    assert final == sorted(set(final))
    assert rig.log.branch.depth == 9
    assert rig.copies.movements[-1] == ("FINALIZED", 34)


WAITS = [
    f.NullResult(),
    f.CallError(-39001, "Unknown block"),
    f.CallError(-32000, "finalized block not found"),
    f.CallError(-32603, "internal error"),
]


async def test_where_no_node_knows_the_tags_a_block_is_final_at_a_depth() -> None:
    assert await _final_with(f.CallError(-32602, "unknown block tag")) == (37, 35)


async def test_a_tag_that_a_node_denies_now_and_then_is_no_depth() -> None:
    """One that takes a balancer's other node for its own, say, and a listener that has just begun."""
    chain, node = served(40, finalized_lag=20)
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="1", finalized_depth=5))
    await rig.log.open()
    seconds = [0.0]
    rig.listener._finality._clock = lambda: seconds[0]
    denied = {"finalized": f.CallError(-32601, "the method does not exist")}
    for denies in (True, True, False, *[True] * 2 * finality.UNKNOWN_LOOKS):
        rig.transport.tags = denied if denies else {}
        seconds[0] += finality.UNKNOWN_SECONDS
        chain.extend()
        await rig.settle()
    final = [each.head.number for each in accepted(store) if each.kind is EventKind.FINALIZED and each.head]
    assert final == [23]


@pytest.mark.parametrize("answer", WAITS, ids=str)
async def test_a_chain_set_to_depth_asks_for_no_tag(answer: f.Fault) -> None:
    assert await _final_with(answer, "depth") == (37, 35)


async def _final_with(answer: f.Fault, how: Literal["auto", "depth"] = "auto") -> tuple[int, int]:
    chain, node = served(40 - (finality.UNKNOWN_LOOKS - 1))
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start="1", safe_depth=3, finalized_depth=5, finality=how)
    rig = make_rig(store, [node], chain=settings)
    await rig.log.open()
    rig.transport.tags = {"safe": answer, "finalized": answer}
    await look_for_long(rig, chain)
    last = {each.kind: each.head.number for each in accepted(store) if each.head}
    return last[EventKind.SAFE], last[EventKind.FINALIZED]


@pytest.mark.parametrize("answer", WAITS, ids=str)
async def test_a_tag_that_fails_or_is_not_there_yet_is_waited_for_and_blocks_go_on(answer: f.Fault) -> None:
    chain, node = served(40, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="1", finalized_depth=5))
    await rig.log.open()
    rig.transport.tags = {"safe": answer, "finalized": answer}
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert not [each for each in accepted(store) if each.kind in (EventKind.SAFE, EventKind.FINALIZED)]
    assert "finalized: " in HEALTH.checks()["finality"].detail
    rig.transport.tags = {}
    chain.extend()
    await rig.settle()
    # Seen once, it is never replaced by a depth.
    rig.transport.tags = {"finalized": f.CallError(-32602, "unknown block tag"), "safe": answer}
    chain.extend(60)
    await rig.settle()
    assert hashes(store) == chain.hashes
    final = [each.head.number for each in accepted(store) if each.kind is EventKind.FINALIZED and each.head]
    assert final == [37]


async def test_a_fork_below_finality_stops_with_an_alarm_and_is_followed_when_accepted() -> None:
    chain, node = served(20, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    before = len(store.log)
    chain.fork(10, 12)
    with pytest.raises(Fatal, match=r"--accept-fork 0x[0-9a-f]{64}") as alarm:
        await rig.settle()
    assert len(store.log) == before
    accepted_hash = str(alarm.value).split("--accept-fork ")[1][:66]
    assert accepted_hash == chain.hashes[15]
    wrong = make_rig(store, [node], accept_fork=bytes(32))
    await wrong.log.open()
    with pytest.raises(Fatal, match="below the finalized block 16"):
        await wrong.settle()
    rig = await settled_rig(store, [node], accept_fork=bytes.fromhex(accepted_hash[2:]))
    assert hashes(store) == chain.hashes
    chain.fork(1)
    await rig.settle()
    assert hashes(store) == chain.hashes
    finalized = rig.log.branch.finalized
    assert finalized is not None
    again = make_rig(store, [node])
    await again.log.open()
    assert (again.log.branch.finalized, again.log.branch.tip) == (finalized, rig.log.branch.tip)
    chain.extend()
    await again.settle()
    assert hashes(store) == chain.hashes


async def test_a_chain_that_went_back_below_finality_is_followed_when_accepted() -> None:
    chain, node = served(20, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    node.set_head(9)
    rig = make_rig(store, [node], accept_fork=bytes.fromhex(chain.hashes[8][2:]))
    await rig.log.open()
    for _ in range(PATIENCE):
        await rig.settle()
    assert hashes(store) == chain.hashes[:9]


class Hanging:
    """Posts as `inner` does, and never ends a call for a tag of finality while it `hangs`."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.hangs = True
        self.asked = 0

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        if self.hangs and (b'"finalized"' in body or b'"safe"' in body):
            self.asked += 1
            await asyncio.Event().wait()
        return await self._inner.post(url, body)

    async def close(self) -> None:
        await self._inner.close()


async def test_tags_that_are_never_answered_hold_up_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finality, "TAG_SECONDS", 0.05)
    chain, node = served(20, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = make_rig(store, [node])
    transport = Hanging(rig.transport)
    for endpoint in rig.nodes.endpoints:
        monkeypatch.setattr(endpoint, "_transport", transport)
    await rig.log.open()
    for _ in range(5):
        await rig.settle()
        assert hashes(store) == chain.hashes
        chain.extend()
    assert transport.asked == 2  # Once each: they are left alone for a while.
    assert "no node tells of its tags within" in HEALTH.checks()["finality"].detail
    transport.hangs = False
    monkeypatch.setattr(rig.listener._finality, "_asks_again", 0.0)
    await rig.settle()
    assert rig.log.branch.finalized is not None
    assert HEALTH.checks()["finality"].detail == ""


@pytest.mark.parametrize("tag", ["finalized", "safe"])
async def test_a_tag_above_every_block_of_its_node_makes_nothing_final(tag: str) -> None:
    """It is of another chain, or made up: the tip is not final by that."""
    block = AdjustableChain.synthetic(500, first=100).by_number(550)
    assert block is not None
    beyond = orjson.loads(block.part("hashes") or b"")
    chain, store, rig = await rig_on(lambda call: beyond if call["params"][:1] == [tag] else None)
    await rig.settle()
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    kinds = {each.kind for each in accepted(store)}
    named = {"finalized": EventKind.FINALIZED, "safe": EventKind.SAFE}
    assert kinds & set(named.values()) == set(named.values()) - {named[tag]}
    assert f"{tag}: the nodes name block 550 (0x" in HEALTH.checks()["finality"].detail
    assert "have no block at that height" in HEALTH.checks()["finality"].detail
