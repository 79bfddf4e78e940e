"""When to look at the head again: after a pause, or as soon as a node tells of a new one."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

MISSED: Final = 3
"""Heads that polling found and the subscription had not told of, after which it counts as silent."""


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
        self._highest: int | None = None
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
        """A node tells of a head."""
        self._highest = max(self._highest or 0, number)
        self._missed = 0
        self._told.set()

    def subscribed(self) -> None:
        """There is a new subscription, which has missed nothing yet."""
        self._highest = None
        self._missed = 0
        self.silent.clear()

    def looked(self, number: int) -> None:
        if self._highest is not None and number > self._highest:
            self._missed += 1
        self._highest = max(self._highest or 0, number)
        if self._missed >= MISSED:
            self.silent.set()
