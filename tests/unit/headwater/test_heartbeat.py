"""Loops that hang are told from those that wait, rest or work on: with a clock that the test moves."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable

import pytest

from headwater.errors import Transient
from headwater.heartbeat import Heartbeats, Loop, beat, on_its_own, waiting
from headwater.retry import Backoff, Retry
from tests.fakes.watched import BOUND, MovingClock


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def beats(clock: MovingClock) -> Heartbeats:
    return Heartbeats(BOUND, clock)


def hanging(beats: Heartbeats) -> list[str]:
    return [each.loop for each in beats.hanging()]


def test_a_loop_hangs_when_it_is_silent_for_longer_than_the_bound(
    beats: Heartbeats, clock: MovingClock
) -> None:
    with beats.loop(Loop.SINK):
        clock.pass_(BOUND)
        assert hanging(beats) == []
        clock.pass_(1)
        assert beats.hanging() == [("turns", BOUND + 1, threading.get_ident())]
        beat()
        assert hanging(beats) == []


def test_a_loop_that_rests_is_not_watched(beats: Heartbeats, clock: MovingClock) -> None:
    for _ in range(2):
        with beats.loop(Loop.STAGE):
            clock.pass_(BOUND + 1)
            assert hanging(beats) == ["stage"]
        assert hanging(beats) == []
        clock.pass_(BOUND + 1)
        assert hanging(beats) == []
        assert beats.silence("stage") == 0


def test_who_waits_for_somebody_is_not_silent(beats: Heartbeats, clock: MovingClock) -> None:
    with beats.loop(Loop.LANE, "blocks"):
        with waiting():
            clock.pass_(10 * BOUND)
            with waiting():
                clock.pass_(BOUND)
            clock.pass_(BOUND + 1)
            assert hanging(beats) == []
        clock.pass_(BOUND)
        assert hanging(beats) == []
        clock.pass_(1)
        assert hanging(beats) == ["lane blocks"]


def test_what_a_loop_has_done_in_a_thread_is_its_sign_of_life(beats: Heartbeats, clock: MovingClock) -> None:
    with beats.loop(Loop.CHAIN):
        clock.pass_(BOUND + 1)
        thread = threading.Thread(target=contextvars.copy_context().run, args=(beat,))
        thread.start()
        thread.join()
        assert hanging(beats) == []
        clock.pass_(BOUND + 1)
        stranger = threading.Thread(target=beat)
        stranger.start()
        stranger.join()
        assert hanging(beats) == ["chain"]


async def test_a_task_of_its_own_gives_no_sign_of_life_for_who_began_it(
    beats: Heartbeats, clock: MovingClock
) -> None:
    async def goes_on(apart: Callable[[], None]) -> None:
        apart()
        beat()

    with beats.loop(Loop.CHAIN):
        clock.pass_(BOUND + 1)
        await asyncio.create_task(goes_on(on_its_own))
        assert hanging(beats) == ["chain"]
        await asyncio.create_task(goes_on(lambda: None))
        assert hanging(beats) == []


def test_who_tries_again_lives(beats: Heartbeats, clock: MovingClock) -> None:
    """Kafka is away for an hour, each try takes its time, and nothing is ended for it."""
    left = [60]

    def step() -> None:
        clock.pass_(BOUND - 1)
        assert hanging(beats) == []
        left[0] -= 1
        if left[0]:
            raise Transient("Kafka does not answer")

    with beats.loop(Loop.SINK):
        Retry(backoff=Backoff(first=0.0, ceiling=0.0))(step)


async def test_an_event_loop_that_something_blocks_hangs(beats: Heartbeats, clock: MovingClock) -> None:
    async with asyncio.TaskGroup() as group:
        ticks = group.create_task(beats.ticks())
        await asyncio.sleep(0)
        # This test is what blocks it: no tick comes before it lets go.
        clock.pass_(BOUND + 1)
        assert hanging(beats) == ["event loop"]
        ticks.cancel()


def test_who_watches_is_told_of_each_loop_once(beats: Heartbeats, clock: MovingClock) -> None:
    told: dict[str, Callable[[], float]] = {}

    def publish(name: str, silence: Callable[[], float]) -> None:
        assert name not in told
        told[name] = silence

    with beats.loop(Loop.SINK):
        beats.watch(publish)
        for _ in range(2):
            with beats.loop(Loop.LANE, "logs"):
                clock.pass_(3)
                assert {name: silence() for name, silence in told.items()} == {"turns": 3, "lane logs": 3}
            beat()
    assert {name: silence() for name, silence in told.items()} == {"turns": 0, "lane logs": 0}
