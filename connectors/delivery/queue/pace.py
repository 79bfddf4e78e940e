"""At most so many attempts in any period."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

_PARTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` attempts in `milliseconds`."""

    count: int
    milliseconds: int


@dataclass(slots=True)
class _Burst:
    """Attempts so near to each other that they are remembered as one time: `last` is the one that counts."""

    first: int
    last: int
    attempts: int


class Pace:
    """When the attempts of the last period began: a bucket would be refilled while it is emptied.

    Who starts does not know what its predecessor did, and spreads its first `count` attempts over a period.
    """

    def __init__(self, rate: Rate | None) -> None:
        self._rate = rate
        self._at: int | None = None
        self._time = 0
        self._spread = 0
        self._bursts: deque[_Burst] = deque()
        self._recent = 0

    @property
    def remembered(self) -> int:
        """Times in memory: whatever the rate is, about a thousand at most."""
        return len(self._bursts)

    def allows(self, now: int) -> bool:
        """May an attempt begin, at `now` in milliseconds?"""
        if self._rate is None:
            return True
        self._pass_time(self._rate, now)
        if self._spread < self._rate.count and self._time * self._rate.count < (
            self._spread * self._rate.milliseconds
        ):
            return False
        return self._recent < self._rate.count

    def begun(self, now: int) -> None:
        """An attempt begins."""
        if self._rate is None:
            return
        self._pass_time(self._rate, now)
        self._spread = min(self._spread + 1, self._rate.count)
        self._recent += 1
        if self._bursts and self._time - self._bursts[-1].first < self._rate.milliseconds // _PARTS:
            self._bursts[-1].last = self._time
            self._bursts[-1].attempts += 1
        else:
            self._bursts.append(_Burst(self._time, self._time, 1))

    def _pass_time(self, rate: Rate, now: int) -> None:
        # A clock that is set back costs nothing but the time that it shows twice.
        self._time += 0 if self._at is None else max(0, now - self._at)
        self._at = now
        while self._bursts and self._bursts[0].last <= self._time - rate.milliseconds:
            self._recent -= self._bursts.popleft().attempts
