"""When to look at the head again: after a pause, or as soon as a node tells of a new one."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

MISSED: Final = 3
"""Heads that polling found and the subscription had not told of, after which it counts as silent."""
LATE: Final = 16
"""Heights below the head that may be told of late, or again by a fork; what is further below is no news."""
EARLY: Final = 1_000
"""Heights above the head that an endpoint which lags may not show yet; further above is no chain of ours."""


class Ticker(Protocol):
    """Says when to look at the head again."""

    async def wait(self) -> None:
        """Return when the head may have moved, after one poll interval at the latest."""

    def looked(self, number: int) -> None:
        """The look found the head at this height."""


class PollTicker:
    """Looks at the head every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def wait(self) -> None:
        await asyncio.sleep(self._seconds)

    def looked(self, number: int) -> None:
        """Nothing follows from it."""


class ToldTicker:
    """Looks when it is told of a head, and every `seconds` all the same.

    What it is told is a hint: which head there is, the pool says. `silent` is set once polling has found
    heads that nobody told of.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told = asyncio.Event()
        self._found: int | None = None
        self._highest = 0
        self._missed = 0
        self.silent = asyncio.Event()

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._told.wait()
        except TimeoutError:
            pass  # the poll beneath
        self._told.clear()

    def tell(self, number: int) -> None:
        """A node tells of a head. What it says counts where another look finds heads near there."""
        self._told.set()
        found = self._found
        if found is None or found - LATE < number < found + EARLY:
            self._highest = max(self._highest, number) if found is not None else number
            self._missed = 0

    def subscribed(self) -> None:
        """There is a new subscription, which has missed nothing yet."""
        self._found = None
        self._highest = 0
        self._missed = 0
        self.silent.clear()

    def looked(self, number: int) -> None:
        before = self._found
        if before is None:
            self._found = number
        elif number <= before - LATE:
            self._found, self._highest = number, 0  # The chain began anew.
        elif number > before:
            self._found = number
            if not number <= self._highest < number + EARLY:
                self._missed += 1
        if self._missed >= MISSED:
            self.silent.set()
