"""At most so many attempts in so much time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` attempts in `milliseconds`."""

    count: int
    milliseconds: int


class Pace:
    """A token bucket. It begins with one token: who starts again does not exceed the limit by that."""

    def __init__(self, rate: Rate | None) -> None:
        self._rate = rate
        self._tokens = 1.0
        self._at: int | None = None

    def allows(self, now: int) -> bool:
        """May an attempt begin, at `now` in milliseconds?"""
        if self._rate is None:
            return True
        self._refill(self._rate, now)
        return self._tokens >= 1.0

    def begun(self, now: int) -> None:
        """An attempt begins."""
        if self._rate is not None:
            self._refill(self._rate, now)
            self._tokens -= 1.0

    def _refill(self, rate: Rate, now: int) -> None:
        past = 0 if self._at is None else max(0, now - self._at)
        self._tokens = min(float(rate.count), self._tokens + past * rate.count / rate.milliseconds)
        self._at = now
