"""A block's history as a pure function of the facts about it: which states, decided by which event."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from operator import attrgetter

from streams.logic.state.facts import Content, Fact
from topics.chainlog.kinds import EventKind

_sequence = attrgetter("sequence")


class LifeState(IntEnum):
    """The states given here, by their index in the Avro enum `TransactionLifeState`: also their rank."""

    INCLUDED = 5
    SAFE = 6
    FINALIZED = 7
    REORGED = 8


@dataclass(frozen=True, slots=True)
class Transition:
    """A block came to a state by a fact."""

    state: LifeState
    fact: Fact

    @property
    def sequence(self) -> int:
        """Of the deciding event."""
        return self.fact.sequence

    @property
    def version(self) -> int:
        """Grows with the deciding event; the same after any crash and replay."""
        return self.fact.sequence * 16 + self.state


@dataclass(slots=True, eq=False)
class BlockLife:
    """What is known of a block: the distinct facts about it by sequence, and its transactions.

    `transactions` are the hashes in `content`, none while that is unknown; `elsewhere` the places of
    those that other known blocks hold too.
    """

    hash: bytes
    number: int
    timestamp: int | None
    facts: list[Fact] = field(default_factory=list)
    content: Content | None = None
    transactions: list[bytes] = field(default_factory=list)
    elsewhere: set[int] = field(default_factory=set)

    def add(self, fact: Fact) -> None:
        """Take a fact in, whatever came before."""
        insort(self.facts, fact, key=_sequence)

    @property
    def reverts(self) -> int:
        """Number of distinct REVERTs."""
        return sum(fact.kind == EventKind.REVERT for fact in self.facts)


class Tags:
    """The facts of one tag, SAFE or FINALIZED, by sequence."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []

    def add(self, fact: Fact) -> None:
        """Take a fact in, whatever came before."""
        insort(self._facts, fact, key=_sequence)

    def forget(self, sequence: int) -> None:
        """Drop everything at or below a sequence."""
        del self._facts[: bisect_right(self._facts, sequence, key=_sequence)]

    def latest(self) -> Fact | None:
        """The fact with the highest sequence."""
        return self._facts[-1] if self._facts else None

    def covering(self, number: int, after: int, before: int | None) -> Fact | None:
        """The first fact between two sequences whose block is at `number` or above.

        A tag names an ancestor of the tip, so it speaks of every canonical block up to its height.
        """
        facts = self._facts
        for place in range(bisect_right(facts, after, key=_sequence), len(facts)):
            fact = facts[place]
            if before is not None and fact.sequence >= before:
                return None
            if fact.number is not None and fact.number >= number:
                return fact
        return None


def history(block: BlockLife, safe: Tags, finalized: Tags) -> list[Transition]:
    """All states the block came to, in order of their sequences.

    An APPLY of a block that is canonical already, or a REVERT of one that is not, decides nothing.
    """
    transitions: list[Transition] = []
    runs = _runs(block.facts)
    for applied, reverted in runs:
        if applied is not None:
            before = None if reverted is None else reverted.sequence
            transitions.append(Transition(LifeState.INCLUDED, applied))
            final = finalized.covering(block.number, applied.sequence, before)
            tagged = safe.covering(block.number, applied.sequence, before)
            if tagged is not None and (final is None or tagged.sequence < final.sequence):
                transitions.append(Transition(LifeState.SAFE, tagged))
            if final is not None:
                transitions.append(Transition(LifeState.FINALIZED, final))
        if reverted is not None:
            transitions.append(Transition(LifeState.REORGED, reverted))
    return transitions


def _runs(facts: Sequence[Fact]) -> list[tuple[Fact | None, Fact | None]]:
    """The stretches in which the block was canonical: (APPLY, REVERT), one missing where it is unknown."""
    runs: list[tuple[Fact | None, Fact | None]] = []
    applied: Fact | None = None
    for fact in facts:
        if fact.kind == EventKind.APPLY:
            applied = applied or fact
        elif applied is not None or not runs:
            runs.append((applied, fact))
            applied = None
    if applied is not None:
        runs.append((applied, None))
    return runs
