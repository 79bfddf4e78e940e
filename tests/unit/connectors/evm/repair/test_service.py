"""Requests for repairs against a node in process, a log in memory and topics in memory."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.evm.repair.channel import Asked
from connectors.evm.repair.request import PUBLISHED, REFUSED, Outcome
from connectors.evm.repair.service import ATTEMPTS, batches
from connectors.evm.rpc.answers import HttpAnswer
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.retry import Backoff
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node import faults as f
from schemas import codec_for
from tests.builders.repair_requests import repair_request
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    NodeTransport,
    Rig,
    accepted,
    canonical,
    hashes,
    served,
    settled_rig,
    stored,
)
from tests.fakes.repair_channel import MemoryChannel
from topics.chainlog.kinds import EventKind


def at_once(backoff: Backoff, _: float = 0.0) -> float:
    backoff.attempts += 1
    return 0.0


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr("headwater.retry.Backoff.next", at_once)


def events(store: MemoryStore) -> list[dict[str, Any]]:
    """The events of the log that say a block again."""
    offsets = [each.position.offset for each in accepted(store) if each.kind.repairs]
    return [codec_for("raw-blocks").read(store.log[each][1].value, 5) for each in offsets]


def last(store: MemoryStore) -> dict[str, Any]:
    return events(store)[-1]


async def asked(rig: Rig, *requests: Any) -> list[Outcome]:
    """Ask, and the outcomes once all are committed."""
    before = len(rig.channel.outcomes)
    rig.channel.requests += requests
    await rig.answer()
    return rig.channel.outcomes[before:]


def touched(receipts: object) -> object:
    """The same receipts with something that no check looks at."""
    if isinstance(receipts, list):
        return [{**each, "effectiveGasPrice": "0x123456"} for each in receipts]
    return receipts


async def test_a_block_on_the_branch_is_said_again_with_what_was_said() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    calls = sum(node.calls.values())
    (outcome,) = await asked(rig, repair_request(4))
    event, block = last(store), chain.by_number(4)
    assert block is not None
    assert (event["event"], event["block"]) == ("REPAIR", block.part("block"))
    assert (event["block_number"], event["block_hash"].hex()) == (4, block.hash[2:])
    assert event["parent_hash"].hex() == block.parent[2:]
    assert (event["replaced_block"], event["replaced_receipts"]) == (None, None)
    assert "parent_link" in event["verified"]
    assert (outcome.outcome, outcome.sequence, outcome.source) == (PUBLISHED, event["sequence"], "raw-blocks")
    assert (outcome.removed, outcome.problem) == (False, None)
    assert "0x" + (outcome.request.block_hash or b"").hex() == block.hash
    assert sum(node.calls.values()) == calls
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    await rig.close()


async def test_a_refetch_says_what_the_node_says_now_and_what_that_replaces() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    block = chain.by_number(4)
    assert block is not None
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    (outcome,) = await asked(rig, repair_request(4, block.hash, refetch=True))
    first = last(store)
    assert outcome.source == "http://node0"
    assert first["receipts"] != block.part("receipts")
    assert orjson.loads(first["receipts"])[0]["effectiveGasPrice"] == "0x123456"
    assert (first["replaced_block"], first["replaced_receipts"]) == (None, block.part("receipts"))
    assert "parent_link" in first["verified"]
    # What follows begins with that: the next one, a fork, and a listener that starts anew.
    await asked(rig, repair_request(4, block.hash, id="again"))
    assert last(store)["receipts"] == first["receipts"]
    await asked(rig, repair_request(4, block.hash, refetch=True, id="back"))
    assert last(store)["receipts"] == block.part("receipts")
    assert last(store)["replaced_receipts"] == first["receipts"]
    await rig.close()


async def test_two_requests_for_one_block_follow_each_other() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    block = chain.by_number(4)
    assert block is not None
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    one = repair_request(4, refetch=True, id="one")
    await asked(rig, one, repair_request(5), repair_request(4, refetch=True, id="two"))
    first, _, second = events(store)
    assert second["replaced_receipts"] == first["receipts"]
    assert second["receipts"] == first["replaced_receipts"] == block.part("receipts")
    await rig.close()


def test_requests_are_taken_together_but_for_those_of_one_height() -> None:
    requests = [repair_request(1), repair_request(2), repair_request(1), None, repair_request(1), None]
    together = batches([Asked(offset, request) for offset, request in enumerate(requests)])
    assert [[each.offset for each in batch] for batch in together] == [[0, 1], [2, 3], [4, 5]]


async def test_the_removal_of_an_orphan_is_said_again() -> None:
    chain, node = served(8, keeps_orphans=False)
    store = MemoryStore()
    rig = await settled_rig(store, [node], part_bytes=900)
    orphan = chain.by_number(7)
    assert orphan is not None
    chain.fork(3)
    await rig.settle()
    (outcome,) = await asked(rig, repair_request(7, orphan.hash))
    assert (outcome.outcome, outcome.removed, outcome.source) == (PUBLISHED, True, "raw-blocks")
    parts = events(store)
    assert {each["event"] for each in parts} == {"REPAIR_REVERT"}
    assert b"".join(each["block"] or b"" for each in parts) == orphan.part("block")
    assert hashes(store) == chain.hashes
    # A node that has dropped it cannot say it again, and the request does not wait for ever.
    (outcome,) = await asked(rig, repair_request(7, orphan.hash, refetch=True, id="refetch"))
    assert outcome.outcome == REFUSED
    assert f"in {ATTEMPTS} attempts" in str(outcome.problem)
    assert "without a refetch" in str(outcome.problem)
    await rig.close()


async def settled_far_back(store: MemoryStore, **options: Any) -> tuple[AdjustableChain, RecordedNode, Rig]:
    """A chain of 40 blocks of which the log remembers the last nine."""
    chain, node = served(40, safe_lag=4, finalized_lag=8)
    rig = await settled_rig(store, [node], **options)
    return chain, node, rig


async def test_a_final_block_is_found_far_back_in_the_log() -> None:
    store = MemoryStore()
    chain, node, rig = await settled_far_back(store, part_bytes=900)
    block = chain.by_number(5)
    assert block is not None
    assert rig.log.branch.at(5) is None
    fetched = node.calls["eth_getBlockReceipts"]
    outcomes = await asked(rig, repair_request(5), repair_request(5, block.hash, id="named"))
    assert [each.outcome for each in outcomes] == [PUBLISHED] * 2
    assert b"".join(each["block"] or b"" for each in events(store)) == 2 * (block.part("block") or b"")
    assert node.calls["eth_getBlockReceipts"] == fetched
    await rig.close()


async def test_a_final_block_begins_with_its_last_repair_also_after_a_restart() -> None:
    store = MemoryStore()
    chain, node, rig = await settled_far_back(store)
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    await asked(rig, repair_request(5, refetch=True))
    repaired = last(store)["receipts"]
    assert orjson.loads(repaired)[0]["effectiveGasPrice"] == "0x123456"
    # Far back by now, so that a listener that starts does not come across it.
    chain.extend(600)
    await rig.settle()
    again = await settled_rig(store, [node], channel=rig.channel)
    block = chain.by_number(5)
    assert block is not None
    assert again.log.repair_of(bytes.fromhex(block.hash[2:])) is None
    await asked(again, repair_request(5, id="again"))
    assert last(store)["receipts"] == repaired
    await asked(again, repair_request(5, refetch=True, id="back"))
    assert last(store)["replaced_receipts"] == repaired
    await again.close()


async def test_a_repair_without_an_outcome_is_known_to_the_listener_that_comes_next() -> None:
    store = MemoryStore()
    _, node, rig = await settled_far_back(store)
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    rig.channel.fail_outcomes = 1_000_000
    rig.channel.requests.append(repair_request(5, refetch=True))
    await rig.answer(lambda: events(store))
    await rig.close()
    rig.channel.fail_outcomes = 0
    again = await settled_rig(store, [node], channel=rig.channel)
    await again.answer()
    first, second = events(store)
    assert second["replaced_receipts"] == first["receipts"]
    assert rig.channel.latest["5"].sequence == second["sequence"]
    await again.close()


async def test_what_retention_took_is_fetched_again() -> None:
    store = MemoryStore()
    chain, node, rig = await settled_far_back(store)
    again = await settled_rig(store, [node], channel=rig.channel)
    chain.extend(20)
    await again.settle()
    last_claim = [each for each in stored(store) if each.kind is EventKind.CLAIM][-1]
    store.trim(last_claim.position.offset)
    block = chain.by_number(5)
    assert block is not None
    (outcome,) = await asked(again, repair_request(5, block.hash))
    assert (outcome.outcome, outcome.source) == (PUBLISHED, "http://node0")
    assert (last(store)["block"], last(store)["receipts"]) == (block.part("block"), block.part("receipts"))
    await again.close()


async def test_what_cannot_be_said_is_refused_with_a_remedy() -> None:
    store = MemoryStore()
    _, node, rig = await settled_far_back(store)
    before = len(store.log)
    outcomes = await asked(
        rig,
        repair_request(41),
        repair_request(39, bytes(32)),
        repair_request(6, bytes(32)),
        repair_request(7, chain_id=5),
    )
    assert {each.outcome for each in outcomes} == {REFUSED}
    words = ["the last one is 40", "is not canonical", "is not canonical", "for chain 5"]
    for each, said in zip(outcomes, words, strict=True):
        assert said in str(each.problem)
        assert "; " in str(each.problem)
        assert each.sequence is None
    assert len(store.log) == before
    node.faults.add(f.CallError(-32601, "the method does not exist"), "eth_getBlockByHash", times=1)
    (outcome,) = await asked(rig, repair_request(39, refetch=True))
    assert "no node can serve block 39" in str(outcome.problem)
    await rig.close()


async def test_a_request_that_cannot_be_read_is_left_out() -> None:
    _, node = served(6)
    rig = await settled_rig(MemoryStore(), [node])
    (outcome,) = await asked(rig, None, repair_request(4), None)
    assert outcome.outcome == PUBLISHED
    assert rig.channel.committed == 3
    await rig.close()


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


async def test_a_node_that_fails_is_asked_again_and_then_the_request_is_refused() -> None:
    _, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    node.faults.add(f.Status(503), "eth_getBlockReceipts", times=7)
    (outcome,) = await asked(rig, repair_request(4, refetch=True))
    assert outcome.outcome == PUBLISHED
    node.faults.add(f.Status(503), "eth_getBlockReceipts", times=1_000)
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
    said = f"no node gave block 5 in {ATTEMPTS} attempts: http://node0: eth_getBlockReceipts"
    assert said in str(outcome.problem)
    node.faults.clear()
    (outcome,) = await asked(rig, repair_request(5, refetch=True, id="later"))
    assert outcome.outcome == PUBLISHED
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


@settings(max_examples=settings.default.max_examples // 3)
@given(seed=st.integers(0, 10**9))
def test_killed_at_any_moment_every_request_is_answered_by_an_event_that_stands(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headwater.retry.Backoff.next", at_once)
        asyncio.run(_storm(random.Random(seed)))


async def _storm(rng: random.Random) -> None:
    """Requests, forks, failed and lost writes, and listeners that die wherever they are."""
    chain, node = served(12, keeps_orphans=rng.random() < 0.5, safe_lag=5, finalized_lag=8)
    store, channel = MemoryStore(), MemoryChannel()
    chain_settings = ChainSettings(chain_id=CHAIN_ID, start="2", prefetch_blocks=3)
    orphans: list[str] = []

    async def started() -> Rig:
        return await settled_rig(
            store, [node], chain=chain_settings, channel=channel, part_bytes=rng.choice([700, 10**6])
        )

    rig = await started()
    for _ in range(rng.randint(3, 10)):
        happens = rng.random()
        if happens < 0.25:
            depth = rng.randint(1, 4)
            orphans += chain.hashes[-depth:]
            chain.fork(depth)
        elif happens < 0.4:
            chain.extend(rng.randint(1, 5))
        elif happens < 0.5:
            store.fail_appends, store.lose_answer = 1, rng.random() < 0.5
        elif happens < 0.6:
            channel.fail_outcomes, channel.fail_commits = rng.randint(0, 2), rng.randint(0, 2)
        for _ in range(rng.randint(0, 3)):
            number = rng.randint(1, 14)
            named = rng.choice([None, None, *chain.hashes, *orphans])
            block = None if named is None else chain._known[named]
            request = repair_request(
                block.number if block else number,
                named,
                refetch=rng.random() < 0.3,
                id=f"request {len(channel.requests)}",
            )
            channel.requests.append(request)
        # Stopped after any number of steps: prepared, published, told, or all of it.
        for _ in range(rng.randint(0, 60)):
            try:
                await rig.repairs.serve()
                if rng.random() < 0.2:
                    await rig.settle()
            except Transient:
                await rig.log.open()
            await asyncio.sleep(0)
        if rng.random() < 0.5:
            await rig.close()
            store.fail_appends = 0
            rig = await started()
    store.fail_appends = channel.fail_outcomes = channel.fail_commits = 0
    await rig.settle()
    await rig.answer()
    await rig.close()
    assert hashes(store) == chain.hashes[1:]
    said = {each.position.sequence: each for each in accepted(store)}
    for request in channel.requests:
        assert request is not None
        outcome = channel.latest[request.request_id]
        if outcome.outcome == REFUSED:
            assert outcome.problem
            continue
        event = said[outcome.sequence or 0]
        assert event.head is not None
        assert event.kind is (EventKind.REPAIR_REVERT if outcome.removed else EventKind.REPAIR)
        assert event.head.number == request.block_number
        assert event.head.hash == outcome.request.block_hash == (request.block_hash or event.head.hash)
    ours = [each for each in channel.requests if each and each.block_hash is None and each.block_number > 1]
    refused = [each.request_id for each in ours if channel.latest[each.request_id].outcome == REFUSED]
    assert all(channel.latest[each].request.block_number > 11 for each in refused)
