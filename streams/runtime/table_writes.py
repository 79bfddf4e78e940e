"""Writes to a group's table, waited for as long as they take: nothing is acknowledged before they are.

Never given up: the entries of events that the stage has taken are nowhere else. A process that ends meanwhile
has acknowledged none of these events, and handles them again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import beat
from headwater.logging import get_logger
from headwater.retry import Backoff, Retry, Stopped
from headwater.settings import Settings

Changes = Sequence[tuple[bytes, bytes | None]]
_TURN_SECONDS: Final = 5.0
"""Less than a drain may take: a stop is noticed after a turn."""
_PAUSE_SECONDS: Final = 1.0
_REQUESTS: Final = 4
"""One after the other at most: metadata, the time that a batch has, a connection, the request under way."""
_PART: Final = "table"
_log = get_logger("streams.table")


class Table(Protocol):
    """Bytes to bytes, kept in a changelog: the table of a group."""

    def content(self) -> Mapping[bytes, bytes]:
        """The table as it stands."""

    async def write(self, changes: Changes) -> None:
        """Write in order (None deletes), returning when the brokers have it all. Raises Transient."""


def request_seconds(settings: Settings) -> float:
    """How long aiokafka waits for the answer to one request, and has a batch tried again."""
    return max(30.0, settings.kafka.session_timeout_ms / 1000)


class TableWrites:
    """Of one stage; what they wait for is health's `table`. A client that never gives an answer hangs."""

    def __init__(self, settings: Settings, table: Table, stop: threading.Event) -> None:
        self._table = table
        self._stop = stop
        self._patience = _REQUESTS * request_seconds(settings)
        self._told = False
        self._retry = Retry(
            backoff=Backoff(first=_PAUSE_SECONDS, ceiling=_PAUSE_SECONDS), stop=stop, on_failure=self._failed
        )

    async def write(self, changes: Changes, check: Callable[[], None]) -> None:
        """Write until it is acknowledged, asking `check` meanwhile. Raises Stopped and what that raises."""
        try:
            await self._retry.run(partial(self._try, changes, check))
        finally:
            if self._told:
                self._told = False
                HEALTH.report(_PART, True)

    async def _try(self, changes: Changes, check: Callable[[], None]) -> None:
        check()
        began = time.monotonic()
        writing = asyncio.ensure_future(self._table.write(changes))
        try:
            while not (await asyncio.wait({writing}, timeout=_TURN_SECONDS))[0]:
                check()
                self._waits(time.monotonic() - began, len(changes))
            writing.result()
        finally:
            writing.cancel()

    def _waits(self, seconds: float, entries: int) -> None:
        if self._stop.is_set():
            raise Stopped("stopped while the changelog acknowledged nothing")
        if seconds <= self._patience:
            beat()
        if not self._told:
            _log.warning("the changelog acknowledges nothing", entries=entries)
        self._tell(f"{entries} entries wait for Kafka since {seconds:.0f} s: are enough replicas in sync?")

    def _failed(self, error: Transient, seconds: float) -> None:
        _log.warning("retrying", what="table", seconds=round(seconds, 2), error=str(error))
        self._tell(str(error))

    def _tell(self, what: str) -> None:
        self._told = True
        HEALTH.report(_PART, False, what)
