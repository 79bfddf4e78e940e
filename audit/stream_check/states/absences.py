"""Messages that lack, until a later one explains it: compaction took them, or a repair says them again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import count

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.states.life import Facts
from audit.stream_check.states.record import StateRecord, shown


@dataclass(frozen=True, slots=True)
class Absence:
    """Messages of a sequence that lack."""

    kind: str
    number: int
    block_hash: bytes
    sequence: int
    detail: str

    def finding(self, transactions: Collection[bytes]) -> Finding:
        """The breach, where these transactions lack them."""
        return Finding(
            self.kind,
            self.number,
            "0x" + self.block_hash.hex(),
            (self.sequence,),
            (),
            f"{len(transactions)} transactions {self.detail} ({shown(transactions)}): a consumer of "
            "transaction-states is wrong about them",
        )


@dataclass(slots=True)
class _Lacks:
    absence: Absence
    transactions: set[bytes]
    compactable: bool


class Absences:
    """What lacks is reported at the end; with `at_once` when it is seen, where nothing can be compacted yet.

    `has_later`: was a message of a transaction read that is of a later sequence?
    """

    def __init__(
        self,
        report: Callable[[Finding], object],
        has_later: Callable[[bytes, int], bool],
        *,
        compacted_before_ms: float,
        at_once: bool,
    ) -> None:
        self._report = report
        self._has_later = has_later
        self._compacted_before_ms = compacted_before_ms
        self._at_once = at_once
        self._open: dict[int, _Lacks] = {}
        self._by_transaction: dict[bytes, set[int]] = {}
        self._numbers = count()

    def add(self, absence: Absence, transactions: frozenset[bytes], time_ms: int) -> None:
        """Messages of these transactions lack; the brokers took their event at `time_ms`."""
        compactable = time_ms < self._compacted_before_ms
        if self._at_once and not compactable:
            self._report(absence.finding(transactions))
            return
        explained = {each for each in transactions if compactable and self._has_later(each, absence.sequence)}
        left = {*transactions} - explained
        if not left:
            return
        number = next(self._numbers)
        self._open[number] = _Lacks(absence, left, compactable)
        for each in left:
            self._by_transaction.setdefault(each, set()).add(number)

    def read(self, record: StateRecord) -> None:
        """A message is read: compaction took what it replaces, or it is the one that lacked."""
        for number in [*self._by_transaction.get(record.transaction, ())]:
            lacks = self._open[number]
            if lacks.compactable and record.sequence >= lacks.absence.sequence:
                self._explained(number, record.transaction)

    def repaired(self, facts: Facts, records: Sequence[StateRecord], elsewhere: Collection[bytes]) -> None:
        """A repair publishes what a stage had rejected of its block, but for what is `elsewhere` by then."""
        for transaction in {each.transaction for each in records} | {*elsewhere}:
            for number in [*self._by_transaction.get(transaction, ())]:
                if self._open[number].absence.block_hash == facts.block_hash:
                    self._explained(number, transaction)

    def end(self) -> None:
        """Report what no later message has explained."""
        for lacks in self._open.values():
            self._report(lacks.absence.finding(lacks.transactions))
        self._open.clear()
        self._by_transaction.clear()

    def _explained(self, number: int, transaction: bytes) -> None:
        left = self._open[number].transactions
        left.discard(transaction)
        if not left:
            del self._open[number]
        numbers = self._by_transaction[transaction]
        numbers.discard(number)
        if not numbers:
            del self._by_transaction[transaction]
