"""What all connectors share: backoff, and the shape of something that runs until it is cancelled."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol


class Connector(Protocol):
    """Moves data between Kafka and something else until its task is cancelled.

    Cancelled, it finishes the write under way and releases what it holds. Raises Fatal when going on
    would lose or corrupt data; everything that may pass by itself it retries.
    """

    async def run(self) -> None: ...


@dataclass(slots=True)
class Backoff:
    """Pauses between attempts: full jitter under a doubling ceiling, so that many clients spread out.

    `first` and `ceiling` are seconds.
    """

    first: float = 0.2
    ceiling: float = 15.0
    random: random.Random = field(default_factory=random.Random)
    attempts: int = 0

    def next(self, at_least: float = 0.0) -> float:
        """Seconds until the next attempt; never less than `at_least` (a server's Retry-After)."""
        # 2.0**64 is beyond any ceiling and keeps a patient client from overflowing a float.
        top = min(self.ceiling, self.first * 2.0 ** min(self.attempts, 64))
        self.attempts += 1
        return at_least + self.random.uniform(0, top)

    def reset(self) -> None:
        """Start over after a success."""
        self.attempts = 0
