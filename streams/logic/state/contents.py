"""What a block holds: nearly always the same for ever, and something else after a repair that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from streams.logic.state.facts import Content, Fact

TransactionLocation: TypeAlias = tuple[Content, int]
"""What holds a transaction's bytes, and its index there."""


@dataclass(frozen=True, slots=True)
class Era:
    """What the block held from `began` on, a repair, or from its beginning, None."""

    began: Fact | None
    held: Mapping[bytes, TransactionLocation]

    @property
    def start(self) -> int:
        """The first sequence at which it holds."""
        return -1 if self.began is None else self.began.sequence


def content_of(facts: Sequence[Fact]) -> Content | None:
    """What the block holds: that of its latest repair, else what was known first; None while nothing is."""
    known = _contents(facts)
    return known[-1].content if known else None


def eras_of(facts: Sequence[Fact]) -> tuple[Era, ...]:
    """What the block held, one after the other; none when that was never said otherwise."""
    known = _contents(facts)
    if not any(fact.replaced or fact.content != known[0].content for fact in known):
        return ()
    eras: list[Era] = []
    for fact in known:
        if fact.replaced is not None:
            before = eras.pop() if eras else Era(None, {})
            eras.append(Era(before.began, {**_locations(fact.replaced), **before.held}))
        eras.append(Era(fact if eras else None, _locations(fact.content)))
    return tuple(eras)


def _contents(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that said what the block holds, by sequence: the first one that did, and every repair."""
    known: list[Fact] = []
    for fact in facts:
        if fact.content is not None and (not known or fact.event.repairs):
            known.append(fact)
    return known


def _locations(content: Content | None) -> dict[bytes, TransactionLocation]:
    """Each transaction with its location, the first one where a chain lists it twice."""
    locations: dict[bytes, TransactionLocation] = {}
    if content is not None:
        for index, transaction in enumerate(content.hashes()):
            locations.setdefault(transaction, (content, index))
    return locations
