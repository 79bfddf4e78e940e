"""Rebuilt snapshots go out, a window in one Kafka transaction: a reader sees all of it or nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from headwater.settings import Settings
from streams.logic.event import Messages
from streams.runtime.output import StageOutput
from streams.stage import Outcome

NAME: Final = "stats-rebuild"
"""Of the transactional id: of two commands that run at once the later one fences the other."""


class Publisher:
    """To be entered. Raises Fenced once another one has begun, Fatal when brokers reject us."""

    def __init__(self, settings: Settings) -> None:
        self._output = StageOutput(settings, NAME, 0, threading.Event())

    def __enter__(self) -> Self:
        self._output.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._output.close()

    def write(self, messages: Sequence[Messages]) -> None:
        """Returns when all of a window is committed."""
        self._output.write([Outcome(public=messages)])
