"""What a listener makes of its log: restarts, failed writes, other listeners."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from connectors.evm.head.listener import Listener
from connectors.evm.log.codec import EventCodec, Numbered
from connectors.evm.log.store import Outgoing
from headwater.errors import Fatal, Transient
from headwater.metrics import listener as metrics
from headwater.retry import Backoff
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
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


async def test_where_the_chain_stands_is_told_before_any_node_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain, node = served(6, safe_lag=1, finalized_lag=2)
    store = MemoryStore()
    before = await settled_rig(store, [node])
    await before.log.close()
    metrics.CHAIN_BLOCK.clear()
    rig = make_rig(store, [node])
    asked = asyncio.Event()

    async def silent(_: Listener) -> bool:
        asked.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(Listener, "round", silent)
    task = asyncio.create_task(rig.listener.run())
    await asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await rig.log.close()
    heights = [
        REGISTRY.get_sample_value("headwater_chain_block", {"chain": "local", "tag": tag})
        for tag in ("head", "safe", "finalized")
    ]
    tip = chain.tip.number
    assert heights == [tip, tip - 1, tip - 2]


async def test_a_log_that_fails_after_each_round_is_opened_at_growing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, node = served(4)
    rig = make_rig(MemoryStore(), [node])
    tries: list[int] = []
    enough = asyncio.Event()

    def pause(backoff: Backoff, at_least: float = 0.0) -> float:
        tries.append(backoff.attempts)
        backoff.attempts += 1
        return 0.0

    async def maintain() -> None:
        if len(tries) < 3:
            raise Transient("the front of the log cannot be deleted")
        enough.set()

    monkeypatch.setattr("headwater.retry.Backoff.next", pause)
    monkeypatch.setattr(rig.log, "maintain", maintain)
    task = asyncio.create_task(rig.listener.run())
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.log.close()
    assert tries == [0, 1, 2]


async def test_a_fenced_listener_notices_and_changes_nothing() -> None:
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
