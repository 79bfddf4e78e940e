"""Loops under a clock that goes when a test says so, and what the health server would say of them."""

from __future__ import annotations

from headwater.heartbeat import Heartbeats

BOUND = 100.0


class MovingClock:
    """Seconds, as `time.monotonic`."""

    def __init__(self) -> None:
        self._now = 1_000.0

    def __call__(self) -> float:
        return self._now

    def pass_(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now += seconds


class Watched:
    """Loops whose bound is BOUND. `seen`: those that were found hanging, each time that one was."""

    def __init__(self) -> None:
        self.clock = MovingClock()
        self.beats = Heartbeats(BOUND, self.clock)
        self.seen: list[str] = []

    def takes(self, seconds: float = BOUND) -> None:
        """What calls this takes so long; all the while somebody asks which loops hang."""
        self.clock.pass_(seconds)
        self.seen += [each.loop for each in self.beats.hanging()]

    def never_ends(self) -> None:
        """What calls this blocks for longer than anything may."""
        self.takes(BOUND + 1)
