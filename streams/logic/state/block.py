"""What is known of one block: the facts about it, and what it holds."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection
from dataclasses import dataclass, field
from operator import attrgetter

from streams.logic.state.contents import Era, TransactionLocation, content_of, eras_of
from streams.logic.state.facts import Content, Fact
from streams.logic.state.history import Transition, history, history_in
from streams.logic.state.runs import reverts_in
from streams.logic.state.tags import Tags

_sequence = attrgetter("sequence")


@dataclass(slots=True, eq=False)
class BlockLife:
    """What is known of a block: the distinct facts about it by sequence, and its transactions.

    `transactions` are the hashes in `content`, none while that is unknown; `eras` are there when that
    changed; `elsewhere` are those, now or once here, that other known blocks hold too.
    """

    hash: bytes
    number: int
    timestamp: int | None
    facts: list[Fact] = field(default_factory=list)
    content: Content | None = None
    transactions: list[bytes] = field(default_factory=list)
    eras: tuple[Era, ...] = ()
    elsewhere: set[bytes] = field(default_factory=set)

    def add(self, fact: Fact) -> None:
        """Take a fact in, whatever came before; `settle` its content then."""
        insort(self.facts, fact, key=_sequence)

    def settle(self) -> None:
        """What the block holds, from the facts about it."""
        self.content, self.eras = content_of(self.facts), eras_of(self.facts)
        self.transactions = [] if self.content is None else self.content.hashes()

    def held(self) -> Collection[bytes]:
        """Every transaction that is here or once was, in order, each once."""
        ever = dict.fromkeys(self.transactions)
        for era in self.eras:
            ever |= dict.fromkeys(era.held)
        return ever.keys()

    def location_of(self, transaction: bytes) -> TransactionLocation:
        """Where the bytes of a transaction are that is here or once was: as it was said last."""
        for era in reversed(self.eras):
            if transaction in era.held:
                return era.held[transaction]
        if self.content is None:
            raise ValueError(f"the transactions of block {self.number} are not known")
        return self.content, self.transactions.index(transaction)

    def history(self, safe: Tags, finalized: Tags) -> list[Transition]:
        """The states the block came to."""
        return history(self.facts, self.number, safe, finalized)

    def history_of(self, transaction: bytes, own: list[Transition]) -> list[Transition]:
        """The states that one of its transactions came to here; `own` are the block's."""
        return history_in(self.eras, transaction, own) if self.eras else own

    @property
    def reverts(self) -> int:
        """Number of distinct events that took it off the chain."""
        return len(reverts_in(self.facts))

    def reverts_of(self, transaction: bytes) -> int:
        """Those that took a transaction with it."""
        if not self.eras:
            return self.reverts
        return sum(
            transaction in next(era for era in reversed(self.eras) if era.start < fact.sequence).held
            for fact in reverts_in(self.facts)
        )
