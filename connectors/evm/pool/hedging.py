"""Asking a second endpoint where the first takes unusually long.

The second is asked after the 95th percentile of how long this kind of work took lately. It must not double
the load of a chain whose nodes are all slow, so useless second questions come out of a budget.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")
FLOOR_SECONDS: Final = 0.1
UNKNOWN_SECONDS: Final = 1.0
"""Until enough is known of a kind of work."""

ENOUGH: Final = 20
USELESS_SHARE: Final = 0.1
"""Of all work, how much may be asked twice for nothing."""

_BUDGET: Final = 10.0
_KEPT: Final = 200


class Hedging:
    """When to ask a second endpoint, by kind of work."""

    def __init__(self) -> None:
        self._took: dict[str, _Lately] = {}
        self._budget = _BUDGET

    def took(self, kind: str, seconds: float) -> None:
        """A piece of work succeeded within `seconds`."""
        self._took.setdefault(kind, _Lately()).add(seconds)
        self._budget = min(_BUDGET, self._budget + USELESS_SHARE)

    def useless(self) -> None:
        """A second endpoint was asked and the first was faster."""
        self._budget -= 1.0

    def delay(self, kind: str) -> float | None:
        """Seconds after which a second endpoint is asked; None while the budget is used up."""
        if self._budget < 1.0:
            return None
        took = self._took.get(kind)
        if took is None or len(took.ordered) < ENOUGH:
            return UNKNOWN_SECONDS
        return max(FLOOR_SECONDS, took.ordered[len(took.ordered) * 95 // 100])


class _Lately:
    """The last durations of a kind, held in order too: the percentile is asked for with every call."""

    def __init__(self) -> None:
        self.ordered: list[float] = []
        self._came: deque[float] = deque()

    def add(self, seconds: float) -> None:
        self._came.append(seconds)
        insort(self.ordered, seconds)
        if len(self._came) > _KEPT:
            del self.ordered[bisect_left(self.ordered, self._came.popleft())]


async def raced(
    first: Callable[[], Awaitable[T | None]],
    second: Callable[[], Awaitable[T | None]],
    delay: float,
    is_enough: Callable[[T | None], bool],
) -> tuple[T | None, bool]:
    """The first result of two attempts, the second begun after `delay` seconds or never; whether it began.

    An attempt gives None when it failed. A result of the second that is not enough to be used at once waits
    for the first. The attempt that is not needed is cancelled.
    """
    attempts = [asyncio.ensure_future(first())]
    try:
        done, _ = await asyncio.wait(attempts, timeout=delay)
        if done:
            return attempts[0].result(), False
        attempts.append(asyncio.ensure_future(second()))
        await asyncio.wait(attempts, return_when=asyncio.FIRST_COMPLETED)
        early = attempts[1].result() if attempts[1].done() else None
        if not attempts[0].done() and is_enough(early):
            return early, True
        result = await attempts[0]
        return (result if result is not None else await attempts[1]), True
    finally:
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
