"""Repairs of a listener that is killed at any moment."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.evm.repair.request import REFUSED
from headwater.errors import Transient
from headwater.settings import ChainSettings
from tests.builders.repair_requests import repair_request
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, accepted, hashes, served, settled_rig
from tests.fakes.repair_channel import MemoryChannel
from tests.fakes.repairing import at_once
from topics.chainlog.kinds import EventKind


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
    by_sequence = {each.position.sequence: each for each in accepted(store)}
    for request in channel.requests:
        assert request is not None
        outcome = channel.latest[request.request_id]
        if outcome.outcome == REFUSED:
            assert outcome.problem
            continue
        event = by_sequence[outcome.sequence or 0]
        assert event.head is not None
        assert event.kind is (EventKind.REPAIR_REVERT if outcome.removed else EventKind.REPAIR)
        assert event.head.number == request.block_number
        assert event.head.hash == outcome.request.block_hash == (request.block_hash or event.head.hash)
    named = [each for each in channel.requests if each and each.block_hash is None and each.block_number > 1]
    refused = [each.request_id for each in named if channel.latest[each.request_id].outcome == REFUSED]
    assert all(channel.latest[each].request.block_number > 11 for each in refused)
