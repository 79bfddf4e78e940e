"""When to look at the head again: after a pause, or as soon as a node notifies of a new one."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

MISSED: Final = 3
"""Heads that polling found and the subscription had not notified of, after which it counts as silent."""
LATE: Final = 16
"""Heights below the head that a late notification, or one of a fork, may have; what is lower is old."""
EARLY: Final = 1_000
"""Heights above the head that an endpoint which lags may not show yet; further above is another chain."""


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


class NotifiedTicker:
    """Looks when it is notified of a head, and every `seconds` all the same.

    A notification is a hint: which head there is, the pool says. `silent` is set once polling has found
    heads of which there was no notification.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._notified = asyncio.Event()
        self._found: int | None = None
        self._highest = 0
        self._missed = 0
        self.silent = asyncio.Event()

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._notified.wait()
        except TimeoutError:
            pass  # the poll beneath
        self._notified.clear()

    def notify(self, number: int) -> None:
        """A node has a new head. What it says counts where another look finds heads near there."""
        self._notified.set()
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
