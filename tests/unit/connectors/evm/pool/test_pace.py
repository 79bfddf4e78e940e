"""How much is asked of an endpoint at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.pool.pace import ONCE_SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Busy:
    """Work that goes on until it is told to end; `most` is how much was under way at once."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._end = asyncio.Event()
        self.running = self.most = 0

    async def work(self) -> None:
        async with self._pace.turn():
            self.running += 1
            self.most = max(self.most, self.running)
            await self._end.wait()
            self.running -= 1

    def start(self, count: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.work()) for _ in range(count)]

    def end(self) -> None:
        self._end.set()


async def turns(count: int = 10) -> None:
    """Let whatever is ready go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_is_under_way_and_all_of_it_is_done() -> None:
    busy = Busy(Pace(Clock(), most=4))
    tasks = busy.start(10)
    await turns()
    assert busy.running == 4
    busy.end()
    await asyncio.gather(*tasks)
    assert (busy.most, busy.running) == (4, 0)


async def test_a_refusal_halves_what_is_under_way_and_together_only_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    busy = Busy(pace)
    tasks = busy.start(16)
    await turns()
    for _ in range(16):
        pace.throttled(0.0)
    assert pace.limit == 8, "half of what was under way, not of what was allowed"
    clock.now += ONCE_SECONDS
    pace.throttled(0.0)
    assert pace.limit == 4
    busy.end()
    await asyncio.gather(*tasks)


async def test_the_limit_grows_by_one_after_as_many_successes() -> None:
    clock = Clock()
    pace = Pace(clock, most=3)
    for _ in range(3):
        pace.throttled(0.0)
        clock.now += ONCE_SECONDS
    assert pace.limit == 1
    pace.good()
    assert pace.limit == 2
    for _ in range(20):
        pace.good()
    assert pace.limit == 3


def test_an_endpoint_that_names_a_time_is_left_alone_until_then() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.throttled(30.0)
    pace.throttled(2.0)
    clock.now = 29.0
    assert pace.rests
    clock.now = 30.0
    assert not pace.rests


@pytest.mark.parametrize("moment", range(6))
async def test_whoever_gives_up_waiting_takes_nobodys_turn(moment: int) -> None:
    pace = Pace(Clock(), most=1)
    first, second, third = Busy(pace), Busy(pace), Busy(pace)
    (one,) = first.start(1)
    await turns()
    (two,), (three,) = second.start(1), third.start(1)
    await turns()
    first.end()
    await turns(moment)  # in one of them the second has been given the turn and has not taken it yet
    two.cancel()
    await turns()
    assert third.running == 1
    third.end()
    await asyncio.gather(one, two, three, return_exceptions=True)


@pytest.mark.parametrize("moment", range(6))
async def test_whoever_comes_while_a_turn_is_given_goes_beyond_no_limit(moment: int) -> None:
    pace = Pace(Clock(), most=1)
    first, later = Busy(pace), Busy(pace)
    tasks = first.start(1)
    await turns()
    tasks += later.start(1)
    await turns()
    first.end()
    await turns(moment)
    tasks += later.start(1)
    await turns()
    later.end()
    await asyncio.gather(*tasks)
    assert later.most == 1


@given(steps=st.lists(st.sampled_from(["start", "cancel", "end", "throttle", "good", "turn"]), max_size=60))
def test_whatever_happens_nobody_waits_for_ever(steps: list[str]) -> None:
    async def scenario() -> None:
        clock = Clock()
        pace = Pace(clock, most=3)
        tasks: list[asyncio.Task[None]] = []
        ends: list[asyncio.Event] = []

        async def work(end: asyncio.Event) -> None:
            async with pace.turn():
                await end.wait()

        for step in steps:
            if step == "start":
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(work(ends[-1])))
            elif step == "cancel" and tasks:
                tasks[len(tasks) // 2].cancel()
            elif step == "end" and ends:
                ends[0].set()
            elif step == "throttle":
                clock.now += ONCE_SECONDS
                pace.throttled(0.0)
            elif step == "good":
                pace.good()
            await asyncio.sleep(0)
        for end in ends:
            end.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())


async def test_whoever_waits_goes_before_whoever_comes_later() -> None:
    """Somebody who asks again and again, with no pause between, leaves the turn to those who wait."""
    pace = Pace(Clock(), most=1)
    took: list[str] = []

    async def asks(name: str, times: int) -> None:
        for _ in range(times):
            async with pace.turn():
                took.append(name)
                await asyncio.sleep(0)

    await asyncio.gather(asks("greedy", 20), asks("first", 1), asks("second", 1))
    assert took[:3] == ["greedy", "first", "second"]


async def test_whoever_gives_up_waiting_is_remembered_no_longer() -> None:
    pace = Pace(Clock(), most=1)
    holder = Busy(pace)
    tasks = holder.start(1)
    await turns()
    for _ in range(100):
        (waiting,) = Busy(pace).start(1)
        await turns(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert len(pace._turns) == 0
    holder.end()
    await asyncio.gather(*tasks)
