"""A channel's circuit: while its receiver fails, one attempt now and then, and the queue waits.

A receiver that throttles does not fail: the channel is left alone for as long as it asks for, or, where it
does not say, for ever longer until it takes something.
"""

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

    `backoff` gives the pauses between two attempts while it is open, `throttling` those of a receiver that
    answers "too many" again and again.
    """

    def __init__(self, failures: int, backoff: Backoff, throttling: Backoff) -> None:
        self._limit = failures
        self._backoff = backoff
        self._throttling = throttling
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
        self._throttling.reset()

    def failed(self, now: int) -> None:
        """It did not answer, or that something is wrong with it."""
        self._failures += 1
        if self._probing or (self._until is None and self._failures >= self._limit):
            self._until = now + int(1000 * self._backoff.next(AT_LEAST_SECONDS))
        self._probing = False

    def throttled(self, now: int, seconds: float) -> None:
        """It answered "too many", and wishes to be left alone for `seconds`: no failure."""
        # Attempts that were under way together are throttled together: one step of the pauses.
        pause = seconds if now < self._held_until else max(seconds, self._throttling.next(AT_LEAST_SECONDS))
        self.hold(now + int(1000 * pause))
        if self._probing:
            # Whether it takes anything is as open as before.
            self._until = self._held_until
        self._probing = False

    def hold(self, until: int) -> None:
        """The receiver asked for a pause: nothing goes out before it is over."""
        self._held_until = max(self._held_until, until)
