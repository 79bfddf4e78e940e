"""A gap that the topic has too: the stage goes no further, and says so for as long as that lasts.

It does not end: a supervisor would start it again and again into the same gap, ever more seldom, and between
two starts nothing would say what is the matter. Read again, the topic may have what was missing.
"""

from __future__ import annotations

import threading
from typing import Final

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.metrics.stages import STAGE_GAP
from headwater.retry import Backoff, Retry

PAUSE_SECONDS: Final = 5.0
"""Less than a drain may take: a stop is noticed after a pause."""
_PART: Final = "input"
_log = get_logger("streams.gap")


def gap_retry(chain: str, stage: str, stop: threading.Event) -> Retry:
    """Reads again until a gap closes or `stop` is set; health, gauge and log say so meanwhile."""
    gauge = STAGE_GAP.labels(chain, stage)
    gauge.set(0)
    said = ""

    def stays(error: Transient, _: float) -> None:
        nonlocal said
        gauge.set(1)
        HEALTH.report(_PART, False, str(error))
        if said != str(error):
            said = str(error)
            _log.error("goes no further", error=said)

    def closed() -> None:
        nonlocal said
        said = ""
        gauge.set(0)
        HEALTH.report(_PART, True)
        _log.info("the gap is closed")

    pauses = Backoff(first=PAUSE_SECONDS, ceiling=PAUSE_SECONDS, jitter=False)
    return Retry(backoff=pauses, stop=stop, on_failure=stays, on_recovery=closed)
