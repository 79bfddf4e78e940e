"""Says in the log where a loop stands that hangs: once the process is ended for it nobody could tell."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Sequence
from typing import Final

from headwater.heartbeat import Hang
from headwater.logging import get_logger

_log = get_logger("headwater.health")


class Hanging:
    """Tells of each loop once, until it goes on."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def tell(self, hanging: Sequence[Hang]) -> None:
        """These hang now."""
        with self._lock:
            new = [each for each in hanging if each.loop not in self._told]
            self._told = {each.loop for each in hanging}
        for each in new:
            frame = sys._current_frames().get(each.thread)
            _log.error(
                "a loop hangs",
                loop=each.loop,
                seconds=round(each.seconds),
                # Lines of code alone: no value of any variable is in them.
                stack="its thread has ended" if frame is None else "".join(traceback.format_stack(frame)),
            )


HANGING: Final = Hanging()
