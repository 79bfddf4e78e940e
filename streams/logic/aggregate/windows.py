"""A window of block time: what its blocks add up to, and which snapshots it owes.

A snapshot goes out with the first block, then with the first block of each twentieth of the window, with the
first block behind it, when it is final, and when a block leaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from streams.logic.aggregate.input import Contribution
from streams.logic.aggregate.measures import (
    CHAIN,
    NO_CHAIN,
    BaseFees,
    Entity,
    Measures,
    joined,
    minus,
    nothing,
    plus,
)

MINUTE: Final = 60_000
HOUR: Final = 3_600_000
SIZES: Final = (MINUTE, HOUR)
"""Lengths in milliseconds. An hour is whole minutes: what is final of it is kept by the minute."""
SLOTS: Final = 20
CLOSED: Final = SLOTS
"""The slot of a window that a block behind it has closed."""

WindowKey = tuple[int, int]
"""Length and start, in milliseconds."""
UNKNOWN: Final = Contribution({CHAIN: NO_CHAIN}, None)
"""What a block gives whose content is not known."""


@dataclass(frozen=True, slots=True)
class Block:
    """A canonical block that is remembered.

    `sequence` is that of the event that applied it; `known` is False where its content is not.
    """

    sequence: int
    number: int
    hash: bytes
    parent_hash: bytes | None
    timestamp: int
    contribution: Contribution
    known: bool


def windows_of(timestamp: int) -> tuple[WindowKey, ...]:
    """The windows that a block of this time is in."""
    return tuple((size, timestamp - timestamp % size) for size in SIZES)


@dataclass(slots=True)
class Window:
    """`broken`: it lacks something for good. `slot` is -1 before its first snapshots."""

    size: int
    start: int
    broken: bool = False
    slot: int = -1
    emitted: int = 0
    totals: dict[Entity, Measures] = field(default_factory=dict)
    blocks: dict[bytes, Block] = field(default_factory=dict)
    pending: dict[bytes, None] = field(default_factory=dict)
    pending_minutes: list[Iterable[Entity]] = field(default_factory=list)
    collapsed: bool = False
    collapsed_fees: BaseFees | None = None
    unknown: int = 0

    @property
    def key(self) -> WindowKey:
        """What it is found by."""
        return self.size, self.start

    @property
    def end(self) -> int:
        """The first moment behind it."""
        return self.start + self.size

    @property
    def complete(self) -> bool:
        """True when everything is known of all of its blocks."""
        return not self.broken and not self.unknown

    @property
    def empty(self) -> bool:
        """True when no canonical block is in it."""
        return not self.blocks and not self.collapsed

    def slot_of(self, timestamp: int) -> int:
        """Which twentieth a moment is in."""
        return (timestamp - self.start) * SLOTS // self.size

    def add(self, block: Block, *, pending: bool = True) -> None:
        """A block joins."""
        self.blocks[block.hash] = block
        self.unknown += not block.known
        if pending:
            self.pending[block.hash] = None
        self.gain(block.contribution.entities)

    def gain(self, entities: dict[Entity, Measures]) -> None:
        """Measures come to the totals."""
        totals = self.totals
        for entity, measures in entities.items():
            before = totals.get(entity)
            totals[entity] = measures if before is None else plus(before, measures)

    def remove(self, block: Block) -> None:
        """A block leaves, with exactly what it gave."""
        del self.blocks[block.hash]
        self.unknown -= not block.known
        self.pending.pop(block.hash, None)
        for entity, measures in block.contribution.entities.items():
            left = minus(self.totals[entity], measures)
            if entity != CHAIN and left == nothing(entity):
                del self.totals[entity]
            else:
                self.totals[entity] = left

    def collapse(self, block: Block) -> None:
        """A block can leave no more: its base fee is joined to the others', its measures stay."""
        del self.blocks[block.hash]
        self.pending.pop(block.hash, None)
        self.collapsed = True
        self.collapsed_fees = joined((self.collapsed_fees, block.contribution.base_fees))
        if not block.known:
            self.unknown -= 1
            self.broken = True

    def changed(self) -> set[Entity]:
        """What has changed since the last scheduled snapshots."""
        found: set[Entity] = set()
        for block in self.pending:
            found.update(self.blocks[block].contribution.entities)
        for entities in self.pending_minutes:
            found.update(entities)
        return found

    def base_fees(self) -> BaseFees | None:
        """Those of all its blocks."""
        return joined((self.collapsed_fees, *(each.contribution.base_fees for each in self.blocks.values())))
