"""What an event of a chain's log says happened."""

from __future__ import annotations

from enum import IntEnum


class EventKind(IntEnum):
    """The symbols of the Avro enum `EventKind`, by their index."""

    UNKNOWN = 0
    CLAIM = 1
    APPLY = 2
    REVERT = 3
    SAFE = 4
    FINALIZED = 5
