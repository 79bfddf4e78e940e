"""Heads that lead nowhere: whoever shows them is asked after the others, and health says that it lasts."""

from __future__ import annotations

from typing import Final

from connectors.evm.events import Head
from connectors.evm.head.tags import ODD
from connectors.evm.pool.seam import Pool
from headwater.health import HEALTH
from headwater.logging import about, get_logger

LOOKS: Final = 3
"""Looks in a row that end at nothing before the endpoint that shows the head is passed over."""
RED: Final = 5
"""Looks in a row without a block before readiness fails: forks pass sooner."""
_log = get_logger("headwater.listen.unlinked")


class UnlinkedHeads:
    """Counts looks in a row at heads whose blocks cannot be had, or that do not link to what is published."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._looks = 0
        self._without = 0

    def count(self, head: Head, source: str, why: str, *, progress: bool) -> None:
        """A look at this head of `source` ended at nothing; `progress`: some blocks were published first."""
        self._looks += 1
        self._without = 0 if progress else self._without + 1
        if self._looks >= LOOKS and source and self._pool.pass_over(source):
            with about(head.log_fields):
                _log.warning("a head leads nowhere", endpoint=source, reason=why)
            self._looks = 0
        if self._without >= RED:
            HEALTH.report(
                "branch",
                False,
                f"block {head.number} (0x{head.hash.hex()}) of {source or 'the nodes'} leads nowhere: {why}; "
                f"nothing more is published: {ODD}",
            )

    def clear(self) -> None:
        """A look ended well."""
        self._looks = self._without = 0
        HEALTH.report("branch", True)
