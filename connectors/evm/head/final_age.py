"""How long the last final block has been the last, by our own clock: a frozen tag answers like any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from connectors.evm.log.branch import PublishedBranch
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.metrics import listener as metrics

PART: Final = "finalized"
STILL_SECONDS: Final = 1_800.0
"""How long it may stay, while the head goes on, before that is said: Ethereum has one each 6.4 minutes."""
ASK_SECONDS: Final = STILL_SECONDS / 2
"""After how long the other nodes are asked for theirs: only the first choice may be frozen."""
_log = get_logger("headwater.listen.finality")


class FinalAge:
    """Of one chain, whose head must go on by `depth` blocks too: a chain that rests finalizes nothing.

    Said in health, log and a gauge, and readiness stays: chains are without finality for hours, no restart
    brings it back, and blocks go on.
    """

    def __init__(self, chain: str, depth: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._chain = chain
        self._depth = depth
        self._clock = clock
        self._last: bytes | None = None
        self._since = 0.0
        self._tip: int | None = None
        self._said = False

    def asks_others(self, branch: PublishedBranch) -> bool:
        """Whether it has stayed for so long that other nodes may know better."""
        return self._lasts(branch, ASK_SECONDS)

    def look(self, branch: PublishedBranch, why: str, named: int | None) -> None:
        """Say how it stands, and `why`: what holds it back, or is to be known of it; "" for nothing.

        `named` is the height that the nodes' tag names.
        """
        final, tip = branch.finalized, branch.tip
        digest = None if final is None else final.hash
        if self._tip is None or digest != self._last:
            self._last, self._since = digest, self._clock()
            self._tip = None if tip is None else tip.number
        seconds = self._clock() - self._since
        stands = self._lasts(branch, STILL_SECONDS)
        detail = "no block yet" if final is None else f"block {final.number}, new {seconds:.0f} s ago"
        if stands and tip is not None:
            last = "no block has become final" if final is None else f"block {final.number} is the last final"
            tag = "no block" if named is None else f"block {named}"
            detail = (
                f"{last} for {seconds:.0f} s, the head went on to {tip.number}, and the nodes name {tag}: "
                "blocks go on, what asks for finality waits; see what another node has: where it finalizes "
                "put it into HEADWATER_CHAIN__RPC, and look at this one's consensus client"
            )
        detail = f"{detail}; {why}" if why else detail
        HEALTH.report(PART, True, detail)
        metrics.FINALITY_STANDS.labels(self._chain).set(stands)
        metrics.FINALITY_DISPUTED.labels(self._chain).set(bool(why))
        if stands and not self._said:
            _log.warning("finality stands still", reason=detail)
        elif self._said and not stands:
            _log.info("finality goes on", block=None if final is None else final.number)
        self._said = stands

    def _lasts(self, branch: PublishedBranch, seconds: float) -> bool:
        tip = branch.tip
        if self._tip is None or tip is None:
            return False
        return tip.number - self._tip >= self._depth and self._clock() - self._since >= seconds
