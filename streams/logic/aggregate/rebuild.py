"""Windows made again from blocks that are read back: which of them are whole, and what they add up to.

For windows that are final and that the fold has forgotten: nobody else says anything of them any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streams.logic.aggregate.decision import Snapshots
from streams.logic.aggregate.fold import Fold
from streams.logic.aggregate.input import Contribution
from streams.logic.aggregate.measures import CHAIN, Entity, joined
from streams.logic.aggregate.windows import SIZES, Window, WindowKey

Heights = tuple[int, int]
"""The first and the last of some heights that follow each other."""
_GENESIS: Final = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A canonical block as it can be read back. `known`: its content can be, too."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    known: bool


def settled(fold: Fold, window: WindowKey) -> bool:
    """True for a window of which the stage with this fold makes no snapshot any more."""
    size, start = window
    return start + size <= fold.final_until and window not in fold.windows


def windows_between(first: int, end: int) -> list[WindowKey]:
    """The windows that overlap some time, milliseconds, `end` excluded; the shorter ones first."""
    return [(size, start) for size in SIZES for start in range(first - first % size, end, size)]


def inside(window: WindowKey, blocks: Iterable[Seen]) -> list[Seen]:
    """Those of the blocks that are in a window."""
    size, start = window
    return [each for each in blocks if start <= each.timestamp < start + size]


def missing(window: WindowKey, blocks: Sequence[Seen]) -> list[Heights] | None:
    """The heights whose blocks a window lacks; empty when it is whole, None when they cannot be told.

    `blocks` ascend, one a height, from the last one before the window to the first one behind it. A height
    between these two that has no block is missing, whatever its time was; so is the neighbour itself where
    there is none, and a block that does not follow the one before.
    """
    size, start = window
    before = [each for each in blocks if each.timestamp < start][-1:]
    behind = [each for each in blocks if each.timestamp >= start + size][:1]
    own = inside(window, blocks)
    if not own and not (before and behind):
        return None
    first = before[0].number if before else max(_GENESIS, own[0].number - 1)
    last = behind[0].number if behind else own[-1].number + 1
    by_number = {each.number: each for each in (*before, *own, *behind)}
    lacking = {each.number for each in own if not each.known}
    found: list[Heights] = []
    for number in range(first, last + 1):
        block, parent = by_number.get(number), by_number.get(number - 1)
        follows = block is not None and (parent is None or block.parent_hash == parent.hash)
        if follows and number not in lacking:
            continue
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def rebuilt(
    window: WindowKey, contributions: Iterable[Contribution], standing: Iterable[Entity]
) -> Snapshots:
    """The snapshots of a window that is whole and final, from what its blocks give.

    `standing`: the entities that have one now, which is taken back where nothing is left of it.
    """
    made, fees = Window(*window), []
    for each in contributions:
        made.gain(each.entities)
        fees.append(each.base_fees)
    entities = dict.fromkeys((CHAIN, *standing)) | made.totals
    return Snapshots(window, True, True, joined(fees), entities)
