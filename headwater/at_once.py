"""Several things at once of which all are needed: where one fails, the others are given up with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")


@overload
async def all_of(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B], /) -> tuple[A, B]: ...
@overload
async def all_of(*each: Coroutine[Any, Any, A]) -> tuple[A, ...]: ...
async def all_of(*each: Coroutine[Any, Any, object]) -> tuple[object, ...]:
    """Their results, in their order.

    Raises what the first one that fails raises, and CancelledError, once none of them goes on:
    `asyncio.gather` leaves the others to themselves, with the connections that they hold.
    """
    tasks = [asyncio.create_task(one) for one in each]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
