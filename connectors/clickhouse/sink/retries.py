"""How the sink waits for ClickHouse: for ever, once in the log, and all along in metrics and health."""

from __future__ import annotations

import threading
from typing import Final

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.metrics import sink as metrics
from headwater.retry import Backoff, Retry

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_log = get_logger("connectors.clickhouse.sink")


def retry_to_start(stop: threading.Event) -> Retry:
    """The retry of what a sink needs before it is there at all: health says what is waited for."""
    return _retry(_OutageAtStart("start"), stop)


def retry_for(table: str, stop: threading.Event) -> Retry:
    """The retry of one table's writes, ended by `stop`."""
    return _retry(_Outage(table), stop)


class _Outage:
    """Counts failed writes of a table, and logs the first of them and the end."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._logged = False

    def failed(self, error: Transient, pause: float) -> None:
        metrics.SINK_RETRIES.labels(self._table).inc()
        if not self._logged:
            self._logged = True
            _log.warning("the sink waits", table=self._table, error=str(error))

    def recovered(self) -> None:
        self._logged = False
        _log.info("the sink goes on", table=self._table)


class _OutageAtStart(_Outage):
    """Before the loop is there, which reports health from then on."""

    def failed(self, error: Transient, pause: float) -> None:
        HEALTH.report("clickhouse", False, str(error))
        super().failed(error, pause)


def _retry(outage: _Outage, stop: threading.Event) -> Retry:
    backoff = Backoff(first=_FIRST_PAUSE_SECONDS, ceiling=_LONGEST_PAUSE_SECONDS)
    return Retry(backoff=backoff, stop=stop, on_failure=outage.failed, on_recovery=outage.recovered)
