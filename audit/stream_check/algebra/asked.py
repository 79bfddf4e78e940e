"""Which events are judged, and what came of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from audit.stream_check.algebra.record import Record

BEFORE = "begins before what is read"
EARLIER = "what it takes back was said before what is read, or too deep below the tip"
NEWER = "newer than the end of the reading"


@dataclass(frozen=True, slots=True)
class Range:
    """Which events are judged: those the brokers took at `since_ms` or later, of blocks `first` to `last`.

    Events before `linked_from_ms` are not held against the branch, since not all of them are read. Of
    topics that are compacted, records older than `compacted_before_ms` may be gone once later ones replace
    them.
    """

    since_ms: float = -math.inf
    linked_from_ms: float = -math.inf
    compacted_before_ms: float = math.inf
    first: int = 0
    last: int | None = None

    def has(self, event: Record) -> bool:
        """Is the event to be judged?"""
        high = math.inf if self.last is None else self.last
        return event.time_ms >= self.since_ms and self.first <= event.number <= high


@dataclass(slots=True)
class Tally:
    """What was judged: events by kind, records by stream; and what was not, by reason."""

    events: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    unjudged: Counter[str] = field(default_factory=Counter)
    blocks: int = 0
    repeats: int = 0
