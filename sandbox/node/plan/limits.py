"""How many calls a second a node takes: a token bucket that holds one second of them."""

from __future__ import annotations


class Bucket:
    """`per_second` calls, at once or one after the other."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._left = self._most
        self._at = now

    def takes(self, now: float) -> bool:
        """Whether one more call is within the limit; it counts when it is."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
