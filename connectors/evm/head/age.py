"""How long the head has stood still, by our own clock: a node that is frozen answers like any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from connectors.evm.events import Head

STILL: Final = 20
"""Times the age at which the others are asked, after which a chain that never rests is down for us."""


class HeadAge:
    """Says when the other nodes are to be asked: once each `seconds` that the head has not moved.

    `rests`: the chain may make no block for any time, as a private one does without transactions.
    """

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic, *, rests: bool = True
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._rests = rests
        self._hash = b""
        self._moved = self._asked = clock()

    @property
    def seconds(self) -> float:
        """Since the head moved last."""
        return self._clock() - self._moved

    @property
    def stands_still(self) -> bool:
        """Whether no node shows a new head where there must be one."""
        return not self._rests and self.seconds >= STILL * self._seconds

    def is_due(self, head: Head) -> bool:
        """Take the present head into account; True when it stands still for too long."""
        now = self._clock()
        if head.hash != self._hash:
            self._hash, self._moved, self._asked = head.hash, now, now
        if now - self._asked < self._seconds:
            return False
        self._asked = now
        return True
