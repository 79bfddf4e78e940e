"""How the sink waits for ClickHouse: for ever, said once in the log, and all along in metrics and health."""

from __future__ import annotations

import threading
from typing import Final

from headwater.errors import Transient
from headwater.logging import get_logger
from headwater.metrics import sink as metrics
from headwater.retry import Backoff, Retry

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_log = get_logger("connectors.clickhouse.sink")


def retry_for(table: str, stop: threading.Event) -> Retry:
    """The retry of one table's writes, ended by `stop`."""
    said: list[str] = []

    def waits(error: Transient, _: float) -> None:
        metrics.SINK_RETRIES.labels(table).inc()
        if not said:
            said.append(str(error))
            _log.warning("the sink waits", table=table, error=str(error))

    def goes_on() -> None:
        said.clear()
        _log.info("the sink goes on", table=table)

    backoff = Backoff(first=_FIRST_PAUSE_SECONDS, ceiling=_LONGEST_PAUSE_SECONDS)
    return Retry(backoff=backoff, stop=stop, on_failure=waits, on_recovery=goes_on)
