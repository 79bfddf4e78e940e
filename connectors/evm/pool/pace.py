"""How much is asked of an endpoint at once: halved when it throttles, a little more after each success.

What providers allow differs by plan and by minute, and none says how much is left: so it is found out, as TCP
finds out what a path carries (RFC 5681, congestion avoidance).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from connectors.evm.rpc.endpoint import CONNECTIONS

MOST: Final = CONNECTIONS
"""No more than there are connections to one address."""

ONCE_SECONDS: Final = 1.0
"""What was under way together is refused together: that halves once."""


class Pace:
    """The limit of one endpoint; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float], *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._limit = float(most)
        self._busy = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._halved = float("-inf")
        self._rests_until = float("-inf")

    @property
    def limit(self) -> int:
        """How much may be under way at once, 1 at least."""
        return int(self._limit)

    @property
    def rests(self) -> bool:
        """True while the endpoint has asked to be left alone."""
        return self._clock() < self._rests_until

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one more may be under way, behind those that wait; it is while the context lasts."""
        if self._turns or self._busy >= self.limit:
            await self._given()
        else:
            self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._wake()

    def good(self) -> None:
        """Something was answered."""
        self._limit = min(float(self._most), self._limit + 1.0 / self._limit)
        self._wake()

    def rest(self, retry_after: float) -> None:
        """The endpoint wants to be left alone for so many seconds."""
        self._rests_until = max(self._rests_until, self._clock() + retry_after)

    def throttled(self, retry_after: float) -> None:
        """The endpoint refused for its limits, and wants to be left alone for `retry_after` seconds."""
        now = self._clock()
        self.rest(retry_after)
        if now - self._halved >= ONCE_SECONDS:
            self._halved = now
            self._limit = max(1.0, min(self._limit, max(1, self._busy)) / 2)

    async def _given(self) -> None:
        """Return when it is our turn, which counts from when it is given: nobody else can take it."""
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # It was our turn, and somebody else may have it.
                self._busy -= 1
                self._wake()
            elif turn in self._turns:
                self._turns.remove(turn)
            raise

    def _wake(self) -> None:
        while self._turns and self._busy < self.limit:
            turn = self._turns.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)
