"""A channel's circuit: while its receiver fails, one attempt now and then, and the queue waits."""

from __future__ import annotations

from enum import Enum
from typing import Final

from headwater.retry import Backoff

AT_LEAST_SECONDS: Final = 0.5


class CircuitState(Enum):
    """CLOSED: attempts go out. OPEN: none does. HALF_OPEN: one does, and decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    """Opens after `failures` attempts in a row that the receiver did not answer properly.

    `backoff` gives the pauses between two attempts while it is open.
    """

    def __init__(self, failures: int, backoff: Backoff) -> None:
        self._limit = failures
        self._backoff = backoff
        self._failures = 0
        self._until: int | None = None
        self._probing = False
        self._held_until = 0

    def state(self, now: int) -> CircuitState:
        """Now, in milliseconds since 1970."""
        if self._until is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now < self._until else CircuitState.HALF_OPEN

    def allows(self, now: int) -> bool:
        """May an attempt begin?"""
        if now < self._held_until:
            return False
        state = self.state(now)
        return state is CircuitState.CLOSED or (state is CircuitState.HALF_OPEN and not self._probing)

    def begun(self, now: int) -> None:
        """An attempt begins."""
        self._probing = self._probing or self.state(now) is CircuitState.HALF_OPEN

    def succeeded(self) -> None:
        """The receiver answered what it should: also that it does not want this one."""
        self._failures, self._until, self._probing = 0, None, False
        self._backoff.reset()

    def failed(self, now: int) -> None:
        """It did not answer, or that something is wrong with it."""
        self._failures += 1
        if self._probing or (self._until is None and self._failures >= self._limit):
            self._until = now + int(1000 * self._backoff.next(AT_LEAST_SECONDS))
        self._probing = False

    def hold(self, until: int) -> None:
        """The receiver asked for a pause: no failure, but nothing goes out before it is over."""
        self._held_until = max(self._held_until, until)
        self._probing = False
