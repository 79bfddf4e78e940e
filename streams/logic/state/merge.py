"""The state of a transaction that several blocks hold, from the histories of all of them. Pure.

One hash may even be in two canonical blocks (chains with that history). Then the one that was applied later
decides, and when it is reverted, the other one holds again: by the REVERT, whose version is higher than any
before. A block that is said again decides no more than it did before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from streams.logic.state.block import BlockLife
from streams.logic.state.history import LifeState, Transition

Shown: TypeAlias = tuple[BlockLife, Transition]
"""The block that a transaction's state speaks of, and how it came to that state."""


def merged(histories: Mapping[BlockLife, Sequence[Transition]]) -> list[Shown]:
    """All states that the transaction came to, in order of their sequences, whatever block decided them."""
    every = [(each.sequence, block, each) for block, own in histories.items() for each in own]
    canonical: dict[BlockLife, Transition] = {}
    shown: list[Shown] = []
    for _, together in groupby(sorted(every, key=_sequence), _sequence):
        again: BlockLife | None = None
        for _, block, decided in together:
            if decided.state is LifeState.REORGED:
                canonical.pop(block, None)
            else:
                canonical[block] = decided
            again = block if decided.again else None
        if canonical:
            # Not the one told of last: a repair tells late of what was there since its block's APPLY.
            holder = max(canonical, key=lambda each: canonical[each].since)
        else:
            holder = shown[-1][0] if again is not None and shown else block
        held = canonical.get(holder)
        state = LifeState.REORGED if held is None else held.state
        now = Transition(state, decided.fact, None if held is None else held.tag)
        if not shown or (shown[-1][0], shown[-1][1].state) != (holder, state):
            shown.append((holder, now))
        elif again is holder:
            shown[-1] = (holder, now)
    return shown


def _sequence(each: tuple[int, BlockLife, Transition]) -> int:
    return each[0]
