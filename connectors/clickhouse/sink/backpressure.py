"""What is not read for now, because it could not be written: pure, one thread.

While the buffers are full nothing is read. A stream that takes up most of the room is paused by itself, so
that the others do not stand still with it. When the buffers stay full, everything is paused and the consumer
is asked all the same, or it would lose its place in the group.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

STUCK_SECONDS: Final = 5.0
# Pausing throws away what was fetched ahead, so it is not undone at once.
PAUSE_SHARE: Final = 0.75
RESUME_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Load:
    """What a stream holds in its buffer: messages, and bytes of their values."""

    messages: int
    size: int


class Backpressure:
    """The policy for one sink. `messages` and `size` are what all buffers may hold together, in bytes."""

    def __init__(self, messages: int, size: int) -> None:
        self._messages = messages
        self._size = size
        self._full_since = float("inf")
        self._paused: set[str] = set()

    def is_full(self, held_messages: int, size: int, now: float) -> bool:
        """Whether the buffers, with what is being written out of them, take no more. `now` in seconds."""
        full = held_messages >= self._messages or size >= self._size
        self._full_since = min(self._full_since, now) if full else float("inf")
        return full

    def is_stuck(self, now: float) -> bool:
        """Whether they have been full for so long that the group has to be served nonetheless."""
        return now - self._full_since >= STUCK_SECONDS

    def paused(self, loads: Mapping[str, Load], failing: Collection[str], now: float) -> set[str]:
        """The topics not to be read now. `failing`: those whose table does not take a batch at present."""
        if self.is_stuck(now):
            return set(loads)
        for topic, load in loads.items():
            share = max(load.messages / self._messages, load.size / self._size)
            if share >= PAUSE_SHARE:
                self._paused.add(topic)
            elif share <= RESUME_SHARE:
                self._paused.discard(topic)
        return self._paused | set(failing)
