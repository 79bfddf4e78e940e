"""How long raw-blocks is kept: what is both finalized and older than seven days goes, now and then.

The topic has no retention by time, because nothing that may still be reverted may be lost, however long
a chain is without finality. The log may only begin with a CLAIM, so the claim is renewed once a day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from connectors.evm.log.writer import ChainLog
from headwater.logging import get_logger

DAY_MS: Final = 86_400_000
KEPT_MS: Final = 7 * DAY_MS
_log = get_logger("headwater.listen.retention")


class Retention:
    """Decides when the log is cared for: `now_ms` is the clock."""

    def __init__(self, now_ms: Callable[[], int], *, every_ms: int = DAY_MS, kept_ms: int = KEPT_MS) -> None:
        self._now_ms = now_ms
        self._every_ms = every_ms
        self._kept_ms = kept_ms
        self._last: int | None = None

    def due(self) -> bool:
        """Whether a day has passed since the last time. At first it is due: who knows when it last was."""
        return self._last is None or self._now_ms() - self._last >= self._every_ms

    def maintain(self, log: ChainLog) -> None:
        """Renew the claim, delete what is old. Raises Transient, Fenced when the chain was taken over."""
        # At first the claim is new: the log was opened by it.
        if self._last is not None:
            log.renew_claim()
        self._last = self._now_ms()
        first = log.delete_older(self._now_ms() - self._kept_ms)
        if first is not None:
            _log.info("deleted what is finalized and old", topic=log.topic, partition=0, offset=first)
