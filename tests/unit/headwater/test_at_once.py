"""What fails takes with it what was begun beside it."""

from __future__ import annotations

import asyncio

import pytest

from headwater.at_once import all_of


class Endless:
    """Work without end, which notes that it began and that it is given up."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = False

    async def __call__(self) -> int:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
        raise AssertionError


async def gives(result: int) -> int:
    await asyncio.sleep(0)
    return result


async def fails(after: asyncio.Event) -> int:
    await after.wait()
    raise ValueError("no")


async def test_results_come_in_the_order_of_what_was_asked() -> None:
    assert await all_of(gives(1), gives(2), gives(3)) == (1, 2, 3)
    assert await all_of() == ()


async def test_none_outlives_the_one_that_fails() -> None:
    before, endless = asyncio.all_tasks(), Endless()
    with pytest.raises(ValueError, match="no"):
        await all_of(fails(endless.began), endless())
    assert endless.ended
    assert asyncio.all_tasks() == before


async def test_none_outlives_whoever_asked() -> None:
    before, endless = asyncio.all_tasks(), Endless()
    asking = asyncio.create_task(all_of(gives(1), endless()))
    await endless.began.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert endless.ended
    assert asyncio.all_tasks() == before
