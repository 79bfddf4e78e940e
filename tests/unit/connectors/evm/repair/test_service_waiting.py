"""Repairs beside the head: what waits for a node or the log holds nothing up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
import pytest
from prometheus_client import REGISTRY

from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.events import Head
from connectors.evm.pool.refusal import Refusal
from connectors.evm.repair.preparation import Prepared
from connectors.evm.repair.request import PUBLISHED, REFUSED, Outcome
from connectors.evm.repair.service import ATTEMPTS
from connectors.evm.rpc.answers import HttpAnswer
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.settings import ChainSettings
from sandbox.node import RecordedNode
from sandbox.node import faults as f
from tests.builders.repair_requests import repair_request
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    NodeTransport,
    canonical,
    hashes,
    make_rig,
    served,
    settled_rig,
)
from tests.fakes.repairing import asked, events, last


class Held:
    """A transport that answers nothing about one block until it is released."""

    def __init__(self, transport: NodeTransport, hash: str) -> None:
        self.released = asyncio.Event()
        self._transport, self._hash = transport, hash.encode()

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        if self._hash in body:
            await self.released.wait()
        return await self._transport.post(url, body)

    async def close(self) -> None: ...


async def test_the_head_is_followed_while_a_request_waits_for_a_node() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    held = Held(rig.transport, chain.hashes[3])
    for endpoint in rig.nodes.endpoints:
        endpoint._transport = held
    rig.channel.requests.append(repair_request(4, refetch=True))
    task = asyncio.create_task(rig.listener.run())
    for number in range(5):
        chain.extend()
        await store.until(lambda number=number: len(canonical(store)) == 7 + number)
    assert rig.channel.committed == 0
    held.released.set()
    await store.until(lambda: bool(events(store)))
    chain.extend()
    await store.until(lambda: hashes(store) == chain.hashes)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await rig.close()


async def test_what_the_log_holds_is_said_again_while_no_node_answers() -> None:
    _, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node], seconds=0.05)
    rig.transport.nodes.clear()
    rig.channel.requests.append(repair_request(4))
    task = asyncio.create_task(rig.listener.run())
    await store.until(lambda: bool(events(store)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (last(store)["event"], last(store)["block_number"]) == ("REPAIR", 4)
    await rig.close()


async def test_a_node_that_fails_is_asked_again_and_then_the_request_is_refused() -> None:
    _, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    node.faults.add(f.Status(503), "eth_getBlockReceipts", times=7)
    (outcome,) = await asked(rig, repair_request(4, refetch=True))
    assert outcome.outcome == PUBLISHED
    for method in ("eth_getBlockReceipts", "eth_getTransactionReceipt"):
        node.faults.add(f.Status(503), method, times=1_000)
    rig.channel.requests.append(repair_request(5, refetch=True))
    seen: set[str] = set()

    def refused() -> bool:
        seen.add(HEALTH.checks()["repairs"].detail)
        return rig.channel.committed == 2

    await rig.answer(refused)
    assert any("block 5 waits for a node" in each for each in seen)
    assert HEALTH.checks()["repairs"].ok
    outcome = rig.channel.latest["5"]
    assert outcome.outcome == REFUSED
    problem = f"no node gave block 5 in {ATTEMPTS} attempts: http://node0: eth_get"
    assert problem in str(outcome.problem)
    node.faults.clear()
    (outcome,) = await asked(rig, repair_request(5, refetch=True, id="later"))
    assert outcome.outcome == PUBLISHED
    await rig.close()


@pytest.mark.parametrize(
    ("of_block", "outcome"), [(False, PUBLISHED), (True, REFUSED)], ids=["of the nodes", "of the block"]
)
async def test_what_all_nodes_refuse_for_a_moment_ends_a_request_only_where_it_is_of_its_block(
    of_block: bool, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, node = served(6)
    rig = await settled_rig(MemoryStore(), [node])
    fetcher = rig.repairs._preparation._fetcher
    by_hash, refusals = fetcher.by_hash, [Refusal("a cause", "all refuse", remedy="wait", of_block=of_block)]

    async def refused(head: Head) -> Fetched:
        if refusals:
            raise refusals.pop()
        return await by_hash(head)

    monkeypatch.setattr(fetcher, "by_hash", refused)
    (found,) = await asked(rig, repair_request(4, refetch=True))
    assert found.outcome == outcome
    await rig.close()


async def test_repairs_move_no_preference_among_the_nodes() -> None:
    chain, first = served(6)
    second = RecordedNode(chain, safe_lag=1_000, finalized_lag=1_000)
    rig = await settled_rig(MemoryStore(), [first, second])
    first.faults.add(f.Status(503), "eth_getBlockReceipts")
    (outcome,) = await asked(rig, repair_request(4, refetch=True))
    assert outcome.source == "http://node1"
    calls = sum(second.calls.values())
    chain.extend()
    await rig.settle()
    assert sum(second.calls.values()) == calls
    await rig.close()


async def test_a_block_that_leaves_the_chain_while_it_is_prepared_is_looked_at_again() -> None:
    chain, node = served(8)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    orphan = chain.by_number(7)
    assert orphan is not None
    rig.channel.requests += [repair_request(7, orphan.hash), repair_request(6, id="stays")]
    await rig.answer(lambda: rig.repairs._offer)
    chain.fork(2)
    await rig.settle()
    await rig.answer()
    assert rig.channel.latest["7"].removed
    assert not rig.channel.latest["stays"].removed
    assert hashes(store) == chain.hashes
    await rig.close()


async def test_a_listener_that_was_replaced_refuses_nothing() -> None:
    _, node = served(6)
    store = MemoryStore()
    paused = await settled_rig(store, [node], name="paused")
    await settled_rig(MemoryStore(store.log), [node], name="replacement")
    paused.channel.requests.append(repair_request(4_000))
    with pytest.raises(Fatal, match="replacement"):
        await paused.answer()
    assert paused.channel.outcomes == []
    await paused.close()


async def test_what_ends_the_work_ends_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    _, node = served(6)
    rig = await settled_rig(MemoryStore(), [node])

    def refuses(limit: int) -> None:
        raise Fatal("Kafka refuses user headwater")

    monkeypatch.setattr(rig.repairs._requests, "next", refuses)
    with pytest.raises(Fatal, match="refuses user"):
        await rig.listener.run()
    await rig.close()


@pytest.mark.parametrize("lost", [False, True])
async def test_a_log_that_fails_is_claimed_anew_and_the_request_answered_then(lost: bool) -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    rig.channel.requests.append(repair_request(4))
    store.fail_appends, store.lose_answer = 1, lost
    with pytest.raises(Transient):
        await rig.answer()
    await rig.log.open()
    await rig.settle()
    await rig.answer()
    assert len(events(store)) == 1 + lost
    assert rig.channel.latest["4"].sequence == last(store)["sequence"]
    assert hashes(store) == chain.hashes
    await rig.close()


class OneByOne:
    """A transport that holds each of these blocks back until it is released, and notes that it is asked."""

    def __init__(self, transport: NodeTransport, numbers: Sequence[int]) -> None:
        self.asked = {hex(number): asyncio.Event() for number in numbers}
        self.released = {hex(number): asyncio.Event() for number in numbers}
        self._transport = transport

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        call = orjson.loads(body)
        number = call["params"][0] if call["params"][1:] == [True] else None
        if number in self.released:
            self.asked[number].set()
            await self.released[number].wait()
        return await self._transport.post(url, body)

    async def close(self) -> None: ...


async def test_what_the_log_holds_is_said_again_while_a_long_way_to_the_head_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain, node = served(30)
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="1", prefetch_blocks=1))
    held = OneByOne(rig.transport, [10, 11])
    for endpoint in rig.nodes.endpoints:
        endpoint._transport = held
    prepared, hands_over = asyncio.Event(), rig.repairs._handed_over

    async def handed_over(answers: Sequence[Prepared]) -> Sequence[Outcome | None]:
        prepared.set()
        return await hands_over(answers)

    monkeypatch.setattr(rig.repairs, "_handed_over", handed_over)
    task = asyncio.create_task(rig.listener.run())
    async with asyncio.timeout(20):
        await held.asked[hex(10)].wait()
        rig.channel.requests.append(repair_request(4))
        await prepared.wait()
        held.released[hex(10)].set()
        await held.asked[hex(11)].wait()
    assert [each["event"] for each in events(store)] == ["REPAIR"]
    held.released[hex(11)].set()
    await store.until(lambda: hashes(store) == chain.hashes)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await rig.close()


async def test_who_leads_no_more_does_not_tell_what_waits() -> None:
    _, node = served(6)
    rig = await settled_rig(MemoryStore(), [node])

    def waiting() -> float | None:
        return REGISTRY.get_sample_value("headwater_listener_repair_requests_waiting", {"chain": "local"})

    await asked(rig, repair_request(4))
    assert waiting() is not None
    await rig.close()
    assert waiting() is None
