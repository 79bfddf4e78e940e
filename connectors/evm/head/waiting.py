"""What readiness says of tags that are waited for, and since when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from headwater.health import HEALTH
from headwater.logging import get_logger

PATIENCE_SECONDS: Final = 1_800.0
"""How long a tag may fail or name nothing before readiness fails: twice as long as Ethereum takes to
finalize a block when all is well."""
_log = get_logger("headwater.listen.finality")


class Waiting:
    """By tag. `clock` in seconds.

    A tag that is contradicted fails readiness at once; one that fails, or is not there yet, when it lasts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._why: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._contradicted: set[str] = set()

    @property
    def lasts(self) -> bool:
        """Whether a tag is waited for longer than it should be."""
        return any(self._clock() - since >= PATIENCE_SECONDS for since in self._since.values())

    def waits(self, tag: str, reason: str, *, contradicted: bool = False) -> None:
        """Say why a tag is waited for, in the log once each time that the reason changes; "": it is not."""
        if self._why.get(tag, "") != reason:
            self._why[tag] = reason
            if reason:
                _log.warning("finality waits", tag=tag, reason=reason)
        (self._contradicted.add if contradicted and reason else self._contradicted.discard)(tag)
        if reason:
            self._since.setdefault(tag, self._clock())
        else:
            self._since.pop(tag, None)
        waiting = "; ".join(f"{each}: {why}" for each, why in self._why.items() if why)
        HEALTH.report(
            "finality", not (self.lasts or self._contradicted), f"waiting: {waiting}" if waiting else ""
        )
