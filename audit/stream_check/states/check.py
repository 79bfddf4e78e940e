"""The whole check of states as a fold, as far as both blocks and states are read."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from typing import Final

from audit.stream_check.algebra.asked import NEWER, Range, Tally
from audit.stream_check.algebra.branch import BranchKind
from audit.stream_check.algebra.event import Event
from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.order import SequenceProgress
from audit.stream_check.algebra.record import Record
from audit.stream_check.states.absences import Absences
from audit.stream_check.states.facts import Lives
from audit.stream_check.states.judge import StateJudge
from audit.stream_check.states.life import Facts
from audit.stream_check.states.record import STATES, StateRecord, faults, of_states
from topics.coverage import COUNTED

_TRANSACTIONS: Final = "transactions"
NEWER_STATES: Final = f"{NEWER} of transaction-states"
_AT: Final = [each.stream for each in COUNTED].index(_TRANSACTIONS)


class StateCheck:
    """`partitions`: how many the topic has. `newest` is the highest sequence that was read of it.

    States come of another stage than blocks, and later: what they do not speak of yet is not judged. What
    lacks is reported at the end, unless a repair of its block has published it since, or compaction explains
    it; with `at_once` when it is seen, where nothing can be compacted yet.
    """

    def __init__(
        self,
        partitions: int,
        report: Callable[[Finding], object],
        tally: Tally,
        *,
        asked: Range | None = None,
        at_once: bool = False,
    ) -> None:
        self._partitions = partitions
        self._report = report
        self._tally = tally
        self._asked = asked or Range()
        self._lives = Lives()
        self._absences = Absences(
            report,
            self._has_later,
            compacted_before_ms=self._asked.compacted_before_ms,
            at_once=at_once,
        )
        self._judge = StateJudge(
            self._lives,
            report,
            self._absences.add,
            nothing_before=self._asked.linked_from_ms == -math.inf,
            compacted_before_ms=self._asked.compacted_before_ms,
        )
        self._events: deque[Facts] = deque()
        self._records: dict[int, dict[bytes, StateRecord]] = {}
        self._sequences: list[int] = []
        self._settled = -1
        self.progress = SequenceProgress((STATES, number) for number in range(partitions))
        self.newest = -1
        self.held = 0

    @property
    def waiting(self) -> int:
        """Events of blocks whose states are not judged yet."""
        return len(self._events)

    def add(self, record: StateRecord) -> None:
        """Take a message in, in the order of its partition."""
        judged = record.time_ms >= self._asked.since_ms
        if judged:
            for finding in faults(record, self._partitions):
                self._report(finding)
        behind = self.progress.is_behind(record)
        self.progress.passes(record)
        self.newest = max(self.newest, record.sequence)
        self._absences.read(record)
        life = self._lives.lives.get(record.transaction)
        known = self._records.get(record.sequence, {}).get(record.transaction)
        if known is None and life is not None:
            known = life.versions.get(record.version)
        if known is not None:
            self._tally.repeats += 1
            if known.content != record.content:
                detail = f"version {record.version} has two contents: consumers keep the one or the other"
                self._report(of_states("contents", [known, record], detail))
            return
        if record.sequence <= self._settled:
            if behind and judged and life is not None and record.time_ms >= self._asked.compacted_before_ms:
                detail = "it lies behind states of later events: a consumer had gone on without it"
                self._report(of_states("order", [record], detail))
            return
        if record.sequence not in self._records:
            heapq.heappush(self._sequences, record.sequence)
        self._records.setdefault(record.sequence, {})[record.transaction] = record
        self.held += 1

    def event(self, event: Event, spine: Record, kind: BranchKind) -> None:
        """The next event of a block, in order of sequence; `spine` says what it is."""
        records = event.kept.get(_TRANSACTIONS, {}).values()
        summary = spine.summary
        mine = [each for each in records if each.removed is spine.removed]
        self.take(
            Facts(
                event.sequence,
                kind,
                event.number,
                event.block_hash,
                frozenset(each.subject for each in records if each.subject and not each.removed),
                frozenset(each.subject for each in records if each.subject and each.removed),
                summary is not None and summary.complete and len(mine) == summary.counts[_AT],
                self._asked.has(spine),
                spine.time_ms,
            )
        )

    def take(self, facts: Facts) -> None:
        """The same, as far as transactions go."""
        self._events.append(facts)

    def settle(self, limit: float, *, below: int) -> None:
        """Judge all sequences lower than `limit`, of which blocks and states must be read.

        Blocks below height `below` are forgotten.
        """
        while True:
            event = self._events[0].sequence if self._events else math.inf
            state = self._sequences[0] if self._sequences else math.inf
            sequence = min(event, state)
            if sequence >= limit:
                break
            records = [*self._records.pop(int(sequence), {}).values()]
            if state == sequence:
                heapq.heappop(self._sequences)
            self._settled = int(sequence)
            self.held -= len(records)
            if event == sequence:
                facts = self._events.popleft()
                self._judge.event(facts, records)
                if facts.kind in (BranchKind.REPAIR, BranchKind.REPAIR_REVERT):
                    self._absences.repaired(facts, records, self._lives.elsewhere(facts.retracted))
            else:
                newest = max(each.time_ms for each in records)
                self._judge.tag(records, newest, judged=newest >= self._asked.since_ms)
            self._tally.records[STATES] += len(records)
        self._lives.forget(below)

    def close(self) -> None:
        """Report what no later message has explained."""
        if self.newest >= 0:
            self._tally.unjudged[NEWER_STATES] += sum(
                bool(each.included or each.retracted) for each in self._events
            )
        self._absences.end()

    def _has_later(self, transaction: bytes, sequence: int) -> bool:
        life = self._lives.lives.get(transaction)
        read = life is not None and any(each > 16 * sequence + 15 for each in life.versions)
        return read or any(
            each > sequence and transaction in records for each, records in self._records.items()
        )
