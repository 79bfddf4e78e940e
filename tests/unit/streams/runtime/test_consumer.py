"""What keeps a stage's place in the group, and what counts as handled there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.types import TP
from faust.types.tuples import ConsumerMessage

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


@pytest.mark.parametrize(
    ("generation", "flows", "counts"), [(2, True, True), (1, True, False), (2, False, False)]
)
def test_what_faust_skips_is_not_finished(generation: int, flows: bool, counts: bool) -> None:
    consumer: Any = PromptConsumer.__new__(PromptConsumer)
    consumer.app = SimpleNamespace(
        consumer_generation_id=2,
        flow_control=SimpleNamespace(is_active=lambda: flows),
        topics=SimpleNamespace(acks_enabled_for=lambda topic: True),
    )
    consumer._committed_offset = defaultdict(lambda: None)
    consumer._acked, consumer._acked_index = defaultdict(list), defaultdict(set)
    consumer._unacked_messages, consumer._n_acked, consumer._waiting_for_ack = set(), 0, None
    place = TP("enriched-blocks", 0)
    message = ConsumerMessage(
        place.topic, 0, 13, 0.0, 0, (), b"1", b"", None, tp=place, generation_id=generation
    )
    assert consumer.ack(message) is counts
    assert consumer._acked[place] == ([13] if counts else [])
