"""What an event of a chain's log says happened."""

from __future__ import annotations

from enum import IntEnum


class EventKind(IntEnum):
    """The symbols of the Avro enum `EventKind`, by their index. One of a later version is UNKNOWN.

    REPAIR says a canonical block again, REPAIR_REVERT the removal of one that is not canonical: no block
    joins or leaves the chain by them.
    """

    UNKNOWN = 0
    CLAIM = 1
    APPLY = 2
    REVERT = 3
    SAFE = 4
    FINALIZED = 5
    REPAIR = 6
    REPAIR_REVERT = 7

    @classmethod
    def _missing_(cls, value: object) -> EventKind | None:
        """What a newer writer's schema adds, as Avro's enum default has it."""
        return cls.UNKNOWN if isinstance(value, int) and value > max(cls) else None

    @property
    def carries_block(self) -> bool:
        """True when the event has a block's content."""
        return self.moves_branch or self.repairs

    @property
    def moves_branch(self) -> bool:
        """True when a block joins or leaves the canonical chain."""
        return self in (EventKind.APPLY, EventKind.REVERT)

    @property
    def repairs(self) -> bool:
        """True when what was said of a block is said again."""
        return self in (EventKind.REPAIR, EventKind.REPAIR_REVERT)

    @property
    def removes(self) -> bool:
        """True when the block's records are withdrawn."""
        return self in (EventKind.REVERT, EventKind.REPAIR_REVERT)
