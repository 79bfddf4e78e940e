"""What becomes of a look at which every node refuses: it is waited out where all can see it, or the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from connectors.evm.pool.refusal import LASTS_SECONDS, START_SECONDS, Patience, Refusal
from headwater.health import HEALTH
from headwater.logging import get_logger

PART: Final = "refused"
_log = get_logger("headwater.listen")


class Refusals:
    """Weighs refusals of looks in a row; readiness fails, and names the remedy, from the first one on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._patience = Patience(lambda: self._clock())
        self._waits = False

    @property
    def waits(self) -> bool:
        """Whether the last look that told anything ended so."""
        return self._waits

    def refused(self, refusal: Refusal, *, begun: bool) -> None:
        """A look ended so; `begun`: blocks are published. Raises it when it has lasted."""
        seconds = LASTS_SECONDS if begun else START_SECONDS
        if self._patience.lasts(refusal.cause, seconds):
            HEALTH.fail(str(refusal))
            raise refusal
        self._waits = True
        lasted = self._patience.seconds
        HEALTH.report(
            PART,
            False,
            f"{refusal}; said for {lasted:.0f} s: the nodes are asked again, and the listener ends when all "
            f"have said so for {seconds:.0f} s",
        )
        _log.warning(
            "all nodes refuse: looking again",
            cause=refusal.cause,
            reason=str(refusal),
            ends_in=round(max(0.0, seconds - lasted)),
        )

    def failed(self) -> None:
        """A look failed otherwise: that neither confirms nor denies what was said before."""
        self._patience.ends()

    def over(self) -> None:
        """A look ended well."""
        self._patience.ends()
        if self._waits:
            self._waits = False
            HEALTH.report(PART, True)
