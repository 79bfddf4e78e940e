"""A stage that waits with full buffers keeps its place in the group; one that hangs does not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState

from headwater.health import HEALTH
from headwater.heartbeat import Loop
from streams.runtime.consumer import PromptConsumer
from tests.fakes.watched import Watched


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    monkeypatch.setattr("streams.runtime.consumer._LONGEST_SECONDS", 0)
    clock = SimpleNamespace(monotonic=watched.clock)
    monkeypatch.setattr("aiokafka.consumer.subscription_state.time", clock)
    return watched


def consumer_of(state: SubscriptionState) -> Any:
    consumer: Any = PromptConsumer.__new__(PromptConsumer)
    client = SimpleNamespace(_subscription=state)
    consumer._thread = SimpleNamespace(
        thread_loop=asyncio.get_running_loop(), _ensure_consumer=lambda: client
    )
    return consumer


async def turn(consumer: Any) -> None:
    await consumer._wait_for_room()
    told = asyncio.Event()
    asyncio.get_running_loop().call_soon(told.set)
    await told.wait()


async def test_hours_with_full_buffers_are_not_idle(watched: Watched) -> None:
    state = SubscriptionState()
    consumer = consumer_of(state)
    for _ in range(20):
        watched.clock.pass_(60)
        await turn(consumer)
        assert state.fetcher_idle_time == 0


async def test_a_stage_that_hangs_is_idle(watched: Watched) -> None:
    state = SubscriptionState()
    consumer = consumer_of(state)
    with state.fetch_context():
        pass
    with watched.beats.loop(Loop.STAGE):
        watched.never_ends()
        await turn(consumer)
        assert state.fetcher_idle_time > 100
