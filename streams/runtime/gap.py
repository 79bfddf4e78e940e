"""A gap that the topic has too: the stage goes no further, and says so for as long as that lasts.

It does not end: a supervisor would start it again and again into the same gap, ever more seldom, and between
two starts nothing would say what is the matter. Read again, the topic may have what was missing.

Only that is waited for here. Brokers that do not answer are no gap, and what fails while events are handled
must leave: they are accepted by then, so that a further reading would take them for repeats and lose their
table entries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import beat
from headwater.logging import get_logger
from headwater.metrics.stages import STAGE_GAP
from headwater.retry import Backoff, Retry, Stopped
from headwater.settings import Settings
from streams.runtime.assembler import Incoming
from streams.runtime.input import reread

PAUSE_SECONDS: Final = 5.0
"""Until the topic is read again, and until a partition that is somebody else's by now is noticed."""
_LONGEST_PAUSE_SECONDS: Final = 5.0
_PART: Final = "input"
_KAFKA: Final = "kafka"
_log = get_logger("streams.gap")


class Revoked(Stopped):
    """The group gave the partition out anew: what is in hand stays unacknowledged, and comes to its owner."""


class Gap:
    """What gauge, health and log say of the gaps of one stage."""

    def __init__(self, chain: str, stage: str, stop: threading.Event) -> None:
        self._gauge = STAGE_GAP.labels(chain, stage)
        self._gauge.set(0)
        self._stop = stop
        self._said = ""

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Of one gap, which is closed at the end; whatever ends the wait for that, it is told no longer."""
        self._said = ""
        try:
            yield
            if self._said:
                _log.info("the gap is closed")
        finally:
            if self._said:
                self._gauge.set(0)
                HEALTH.report(_PART, True)

    def stays(self, missing: str) -> None:
        """The topic itself has it, as `missing` says."""
        beat()
        self._gauge.set(1)
        HEALTH.report(_PART, False, missing)
        if self._said != missing:
            self._said = missing
            _log.error("goes no further", error=missing)

    def pause(self) -> None:
        """Wait until the topic is to be read again. Blocking. Raises Stopped, at once."""
        beat()
        if self._stop.wait(PAUSE_SECONDS):
            raise Stopped(f"stopped while waiting: {self._said}")


class Rereading:
    """What a topic has from `start` on and before a message; `start` None is the oldest that is kept.

    Brokers that do not answer are waited for, and told as everywhere. `check` raises what ends that.
    """

    def __init__(
        self,
        settings: Settings,
        start: int | None,
        message: Incoming,
        check: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._settings, self._message, self._check = settings, message, check
        self._position = start
        self._pieces: Iterator[list[Incoming]] | None = None
        self._retry = Retry(
            backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS),
            stop=stop,
            on_failure=self._waits,
            on_recovery=lambda: HEALTH.report(_KAFKA, True),
        )

    def piece(self) -> list[Incoming] | None:
        """The next messages, None behind the last. Blocking. Raises Stopped, Fatal, what `check` raises."""
        return self._retry(self._read)

    def _read(self) -> list[Incoming] | None:
        try:
            self._check()
        except Stopped:
            if self._retry.failing:
                HEALTH.report(_KAFKA, True)
            raise
        message = self._message
        if self._pieces is None:
            self._pieces = reread(
                self._settings, message.topic, message.partition, self._position, message.offset
            )
        try:
            piece = next(self._pieces, None)
        except Transient:
            # It has ended with that; another one goes on behind what was given.
            self._pieces = None
            raise
        if piece:
            self._position = piece[-1].offset + 1
        return piece

    def _waits(self, error: Transient, seconds: float) -> None:
        what = f"reading {self._message.topic} again"
        _log.warning("retrying", what=what, seconds=round(seconds, 2), error=str(error))
        HEALTH.report(_KAFKA, False, f"{what}: {error}")
