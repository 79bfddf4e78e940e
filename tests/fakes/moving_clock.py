"""A clock that goes when a test says so."""

from __future__ import annotations


class MovingClock:
    """Seconds, as `time.monotonic`."""

    def __init__(self) -> None:
        self._now = 1_000.0

    def __call__(self) -> float:
        return self._now

    def pass_(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now += seconds
