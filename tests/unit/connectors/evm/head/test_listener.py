"""The listener against a node in process and a log in memory."""

from __future__ import annotations

import asyncio
from typing import Literal

import orjson
import pytest

from connectors.evm.head.age import HeadAge
from connectors.evm.head.forks import PATIENCE
from connectors.evm.log.codec import EventCodec, Numbered
from connectors.evm.log.store import Outgoing
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
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
    made_up_apply,
    made_up_head,
    make_rig,
    outgoing,
    served,
    settled_rig,
    stored,
)
from topics.chainlog.kinds import EventKind


async def test_it_applies_the_chain_in_order_and_then_each_new_block() -> None:
    chain, node = served(30)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    assert hashes(store) == chain.hashes
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    first = accepted(store)[0]
    assert first.kind is EventKind.CLAIM
    assert first.position.fresh
    assert first.position.sequence == 1_700_000_000_000
    assert all(
        not headers or dict(headers)["chain-id"] == b"31337"
        for headers in (message.headers for _, message in store.log)
    )


async def test_answers_are_carried_byte_for_byte() -> None:
    chain, node = served(3)
    store = MemoryStore()
    await settled_rig(store, [node])
    applies = [each for each in accepted(store) if each.kind is EventKind.APPLY]
    contents = [
        EventCodec(CHAIN_ID, 7).content([store.log[each.position.offset][1].value]) for each in applies
    ]
    blocks = [chain.by_number(number) for number in (1, 2, 3)]
    assert [each.block for each in contents] == [block.part("block") for block in blocks if block]
    assert [each.receipts for each in contents] == [
        block.part("receipts") or b"[]" for block in blocks if block
    ]
    roots = ("transactions_root", "receipts_root", "withdrawals_root")
    assert contents[0].verified == ("header_hash", "receipts", "logs_bloom", *roots)
    assert contents[1].verified == ("header_hash", "receipts", "logs_bloom", *roots, "parent_link")


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


async def test_a_node_that_lags_is_waited_for_and_one_that_went_back_is_followed() -> None:
    _chain, node = served(8)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    node.set_head(6)
    for _ in range(PATIENCE - 1):
        assert not await rig.listener.round()
    assert canonical(store)[-1].number == 8
    await rig.settle()
    assert canonical(store)[-1].number == 6
    node.set_head(None)
    await rig.settle()
    assert canonical(store)[-1].number == 8


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


@pytest.mark.parametrize("answer", WAITS, ids=str)
async def test_a_chain_set_to_depth_asks_for_no_tag(answer: f.Fault) -> None:
    assert await _final_with(answer, finality="depth") == (37, 35)


async def _final_with(answer: f.Fault, finality: Literal["auto", "depth"] = "auto") -> tuple[int, int]:
    _chain, node = served(40)
    store = MemoryStore()
    chain = ChainSettings(chain_id=CHAIN_ID, start="1", safe_depth=3, finalized_depth=5, finality=finality)
    rig = make_rig(store, [node], chain=chain)
    await rig.log.open()
    rig.transport.tags = {"safe": answer, "finalized": answer}
    await rig.settle()
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


async def test_a_node_below_the_finalized_block_is_passed_over_and_proves_no_fork() -> None:
    chain, ahead = served(20, safe_lag=2, finalized_lag=4)
    behind = RecordedNode(chain, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = await settled_rig(store, [ahead, behind])
    before = len(store.log)
    behind.set_head(9)
    ahead.faults.add(f.Disconnect())
    await rig.settle()
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert all(each.kind is not EventKind.REVERT for each in stored(store)[before:])


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
    for _ in range(100):
        node.faults.add(f.Status(503), "eth_getBlockReceipts")
    with pytest.raises(NodeFailure):
        await rig.listener.round()
    assert len(store.log) == before
    node.faults.clear()
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_a_frozen_node_is_left_for_one_that_goes_on() -> None:
    now = 0.0
    chain, healthy = served(20)
    frozen = RecordedNode(chain)
    store = MemoryStore()
    rig = await settled_rig(store, [frozen, healthy], age=HeadAge(30.0, lambda: now))
    frozen.set_head(20)
    chain.extend(50)
    now = 29.0
    await rig.settle()
    assert len(hashes(store)) == 20
    now = 31.0
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert "block 70" in HEALTH.checks()["head"].detail
    chain.extend(5)
    await rig.settle()  # At once: the healthy node is the first choice now.
    assert hashes(store) == chain.hashes


async def test_a_head_below_the_tip_is_not_believed_while_another_node_is_ahead() -> None:
    chain, healthy = served(20)
    behind = RecordedNode(chain)
    store = MemoryStore()
    rig = await settled_rig(store, [behind, healthy])
    behind.set_head(15)
    before = len(store.log)
    await rig.settle()
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert all(each.kind is not EventKind.REVERT for each in stored(store)[before:])


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


async def test_a_restart_goes_on_where_it_stopped_with_the_next_sequence() -> None:
    chain, node = served(6)
    store = MemoryStore()
    for _ in range(3):
        rig = await settled_rig(store, [node])
        chain.extend(2)
        chain.fork(1)
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert len([each for each in accepted(store) if each.kind is EventKind.CLAIM]) == 3


@pytest.mark.parametrize("lost", [False, True])
async def test_a_failed_write_means_a_new_claim_and_nothing_twice(lost: bool) -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    chain.extend(2)
    store.fail_appends, store.lose_answer = 1, lost
    with pytest.raises(Transient):
        await rig.settle()
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_the_run_loop_claims_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, node = served(4)
    store = MemoryStore()
    rig = make_rig(store, [node])
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    task = asyncio.create_task(rig.listener.run())
    await store.until(lambda: store.bounds()[1] >= 5)
    store.fail_appends = 2
    chain.extend(3)
    await store.until(lambda: len(canonical(store)) == 7)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.log.close()
    assert hashes(store) == chain.hashes


async def test_an_overruled_listener_notices_and_changes_nothing() -> None:
    chain, node = served(6)
    store = MemoryStore()
    paused = await settled_rig(store, [node], name="paused")
    replacement = make_rig(MemoryStore(store.log), [node], name="replacement")
    await replacement.log.open()
    chain.extend(2)
    await replacement.settle()
    with pytest.raises(Fatal, match="replacement"):
        await paused.settle()
    chain.extend(1)
    await replacement.settle()
    assert hashes(store) == chain.hashes


async def test_events_that_slip_in_before_a_claim_are_taken_into_account() -> None:
    chain, node = served(4)
    store = MemoryStore()
    await settled_rig(store, [node])
    chain.extend(1)
    late = made_up_apply(made_up_head(5, parent=canonical(store)[-1]))
    claim = stored(store)[0].position
    last = accepted(store)[-1].position.sequence
    store.before_append = outgoing(late, last + 1, claim.offset)
    await settled_rig(store, [node])
    assert hashes(store) == chain.hashes
    assert [each.kind for each in stored(store)].count(EventKind.CLAIM) == 3


@pytest.mark.parametrize("ahead", [-5, 0, 1, 900])
async def test_two_listeners_that_start_together_on_an_empty_topic_leave_no_gap(ahead: int) -> None:
    chain, node = served(4)
    store = MemoryStore()
    now = 1_700_000_000_000
    rival = EventCodec(CHAIN_ID, 7).claim(Numbered(now - ahead, -1, now, fresh=True), "rival")
    store.before_append = [Outgoing(rival)]
    await settled_rig(store, [node], now_ms=now)
    assert hashes(store) == chain.hashes
    first = accepted(store)[0].position.sequence
    assert [each.position.sequence for each in accepted(store)] == [
        first + place for place in range(len(accepted(store)))
    ]


async def test_a_split_block_is_whole_again_when_it_is_reverted() -> None:
    chain, node = served(5)
    store = MemoryStore()
    rig = await settled_rig(store, [node], part_bytes=700)
    assert max(each.position.parts for each in accepted(store)) > 2
    chain.fork(3)
    await rig.settle()
    assert hashes(store) == chain.hashes
    again = make_rig(store, [node], part_bytes=700)
    await again.log.open()
    chain.fork(2)
    await again.settle()
    assert hashes(store) == chain.hashes
