"""What a receiver does wrong, so that a sender can be seen to bear it."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request is answered: after `seconds`, with a wish for a pause where there is one."""

    status: int = 204
    seconds: float = 0.0
    retry_after: str | None = None


class Faults:
    """Replies drawn from a seed; shares of 1, the rest is taken."""

    def __init__(self, seed: int = 1, *, fail: float = 0.0, throttle: float = 0.0, slow: float = 0.0) -> None:
        self._chance = random.Random(seed)
        self._shares = (
            (fail, Reply(503)),
            (throttle, Reply(429, retry_after="1")),
            (slow, Reply(seconds=0.5)),
        )

    def __call__(self) -> Reply:
        """The next reply."""
        drawn = self._chance.random()
        for share, reply in self._shares:
            if drawn < share:
                return reply
            drawn -= share
        return Reply()
