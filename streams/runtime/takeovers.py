"""Listeners that fight over a chain, seen from its log: wherever they run, their CLAIMs are there. Pure.

A listener that takes over from another one is a deploy, or a death; one that has lost the chain and has it
again, several times, is one of two that both mean to lead.
"""

from __future__ import annotations

import re
from typing import Final

_PROCESS: Final = re.compile(r"^(headwater-.+)-\d+$")
_REMEMBERED: Final = 64


class Takeovers:
    """The CLAIMs of one chain's log, in order; what is read again says nothing new."""

    def __init__(self) -> None:
        self._owner: str | None = None
        self._lost: dict[str, None] = {}
        self._offset = -1

    def claimed(self, source: str, offset: int) -> bool:
        """Whether the listener `source` had lost the chain before, and has it again by this CLAIM."""
        # A name has the machine, or the pod, and the process: one that ended comes back as another.
        source = _PROCESS.sub(r"\1", source)
        if offset <= self._offset or source == self._owner:
            self._offset = max(self._offset, offset)
            return False
        self._offset = offset
        before, self._owner = self._owner, source
        if before is not None:
            self._lost.pop(before, None)
            self._lost[before] = None
        if len(self._lost) > _REMEMBERED:
            del self._lost[next(iter(self._lost))]
        return self._lost.pop(source, 0) is None
