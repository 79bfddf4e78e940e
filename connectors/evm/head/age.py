"""How long the head has stood still, by our own clock: a node that is frozen answers like any other."""

from __future__ import annotations

import time
from collections.abc import Callable

from connectors.evm.events import Head


class HeadAge:
    """Says when the other nodes are to be asked: once each `seconds` that the head has not moved."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._hash = b""
        self._moved = self._asked = clock()

    @property
    def seconds(self) -> float:
        """Since the head moved last."""
        return self._clock() - self._moved

    def is_due(self, head: Head) -> bool:
        """Take the present head into account; True when it stands still for too long."""
        now = self._clock()
        if head.hash != self._hash:
            self._hash, self._moved, self._asked = head.hash, now, now
        if now - self._asked < self._seconds:
            return False
        self._asked = now
        return True
