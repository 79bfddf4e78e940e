"""A thread beside the sink that does one thing every few seconds, whatever becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.logging import get_logger
from headwater.retry import Backoff, Retry, Stopped

TICK_SECONDS: Final = 5.0
_LONGEST_PAUSE_SECONDS: Final = 15.0
_JOIN_SECONDS: Final = 1.0
_log = get_logger("connectors.clickhouse.ticks")


class Ticks:
    """`with Ticks("settle", tick, troubled):` calls `tick` every `TICK_SECONDS` until the block ends.

    A tick that raises Transient is tried again, and `troubled` called with the first failure in a row. Any
    other error is a defect: the log says so each time, and the next tick comes all the same. What is going on
    when the block ends is cut off: the next process finds it.
    """

    def __init__(
        self,
        name: str,
        tick: Callable[[], None],
        troubled: Callable[[Transient], None],
        *,
        seconds: float = TICK_SECONDS,
    ) -> None:
        self._tick, self._troubled, self._seconds = tick, troubled, seconds
        self._failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._retry = Retry(
            backoff=Backoff(first=seconds, ceiling=max(seconds, _LONGEST_PAUSE_SECONDS)),
            stop=self._stop,
            on_failure=self._failed,
            on_recovery=self._recovered,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self.join(_JOIN_SECONDS)

    def join(self, seconds: float) -> bool:
        """Wait for the end of what is under way; whether it came."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                with HEALTH.beats.loop(Loop.BESIDE, self._thread.name):
                    self._retry(self._tick)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the next tick may do without it
                _log.error("a defect, trying again", thread=self._thread.name, exc_info=error)

    def _failed(self, error: Transient, _: float) -> None:
        if not self._failing:
            self._failing = True
            self._troubled(error)

    def _recovered(self) -> None:
        self._failing = False


def one_line(error: Exception) -> str:
    """What an error says, for a line of a log: ClickHouse's go over many."""
    return " ".join(str(error).split())[:300]
