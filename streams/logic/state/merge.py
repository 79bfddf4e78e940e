"""The state of a transaction that several blocks hold, from the histories of all of them. Pure.

One hash may even be in two canonical blocks (chains with that history). Then the one that was applied later
decides, and when it is reverted, the other one holds again: by the REVERT, whose version is higher than any
before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from streams.logic.state.history import BlockLife, LifeState, Transition

Shown: TypeAlias = tuple[BlockLife, Transition]
"""The block that a transaction's state speaks of, and how it came to that state."""


def merged(histories: Mapping[BlockLife, Sequence[Transition]]) -> list[Shown]:
    """All states that the transaction came to, in order of their sequences, whatever block decided them."""
    every = [(each.sequence, block, each) for block, own in histories.items() for each in own]
    canonical: dict[BlockLife, LifeState] = {}  # in the order of their APPLY
    shown: list[Shown] = []
    for _, together in groupby(sorted(every, key=_sequence), _sequence):
        for _, block, decided in together:
            if decided.state is LifeState.REORGED:
                canonical.pop(block, None)
            else:
                canonical[block] = decided.state
        holder = next(reversed(canonical), block)
        state = canonical.get(holder, LifeState.REORGED)
        if not shown or (shown[-1][0], shown[-1][1].state) != (holder, state):
            shown.append((holder, Transition(state, decided.fact)))
    return shown


def _sequence(each: tuple[int, BlockLife, Transition]) -> int:
    return each[0]
