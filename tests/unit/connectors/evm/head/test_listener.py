"""The listener against a node in process and a log in memory: blocks in order, and the nodes' heads."""

from __future__ import annotations

from connectors.evm.head.age import HeadAge
from connectors.evm.head.forks import PATIENCE
from connectors.evm.log.codec import EventCodec
from headwater.health import HEALTH
from sandbox.node import RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    accepted,
    canonical,
    hashes,
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


async def test_a_node_that_lags_is_waited_for_however_often_it_notifies_of_its_head() -> None:
    """Each notification makes a look, and a burst of them took blocks back within a second."""
    _chain, node = served(8)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    seconds = 0.0
    rig.listener._forks._clock = lambda: seconds
    node.set_head(6)
    for _ in range(3 * PATIENCE):
        assert not await rig.listener.round()
    assert canonical(store)[-1].number == 8
    seconds += PATIENCE
    await rig.settle()
    assert canonical(store)[-1].number == 6


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
