"""The facts of one tag of the chain, SAFE or FINALIZED."""

from __future__ import annotations

from bisect import bisect_right, insort
from operator import attrgetter

from streams.logic.state.facts import Fact

_sequence = attrgetter("sequence")


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
