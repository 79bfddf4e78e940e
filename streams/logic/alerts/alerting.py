"""The alert stage without its host: events and changes of the configuration in, decisions out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from headwater.errors import Permanent
from schemas import Message, Selection
from streams.logic.alerts.configuration import MAX_UNINDEXED, Change, CompileRule, Configuration
from streams.logic.alerts.decision import Decision
from streams.logic.alerts.derived import STATES_FOLD, STATISTICS_FOLD, Derived, Reader
from streams.logic.alerts.evaluate import Evaluation, selection
from streams.logic.alerts.fold import MAX_GROUPS, Fold
from streams.logic.alerts.gives import NOTHING, Gives, together
from streams.logic.alerts.records import hex_text
from streams.logic.alerts.rule import Match
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

_FACTS: Final = (EventKind.SAFE, EventKind.FINALIZED, EventKind.REVERT)
"""Events whose records of other folds stand for good: what was said by then was said."""


_FOLDS: Final = {Match.STAT: STATISTICS_FOLD, Match.TRANSACTION_STATE: STATES_FOLD}


class Alerting:
    """`adopt` comes before `handle` or `unknown` of the same event; once is enough, more do no harm."""

    def __init__(
        self,
        chain: str,
        compile_rule: CompileRule,
        *,
        max_groups: int = MAX_GROUPS,
        max_unindexed: int = MAX_UNINDEXED,
    ) -> None:
        self.configuration = Configuration(chain, compile_rule, max_unindexed)
        self.fold = Fold(self.configuration, max_groups)
        self.errors: Counter[str] = Counter()
        self.derived = Derived()
        self._begun: Decision | None = None
        self._selection: Selection = selection(self.configuration.index)

    def adopt(
        self,
        sequence: int,
        changes: Iterable[Change],
        refused: Callable[[Change, Permanent], None] = lambda change, error: None,
    ) -> None:
        """Put changes in force before the event of this sequence. `refused` hears of texts with faults."""
        if self._begun is None or self._begun.sequence != sequence:
            self._begun = Decision(sequence)
        self.fold.adopt(changes, self._begun, refused)
        self.settled()

    def settled(self) -> None:
        """The configuration is another one: read what its rules look at."""
        index = self.configuration.index
        self._selection = selection(index)
        self.derived.want(fold for match, fold in _FOLDS.items() if index.of(match) is not None)

    def handle(self, envelope: Envelope, values: Sequence[bytes], reader: Reader) -> Decision:
        """What an event causes. Raises Permanent before anything but the configuration is remembered."""
        if envelope.event in (EventKind.SAFE, EventKind.FINALIZED) and self.fold.contradicts(envelope):
            raise Permanent(
                f"{envelope.event.name} {envelope.sequence} names block {envelope.block_number}, "
                "which is not canonical"
            )
        gives, judged = None, self._judging(envelope)
        if envelope.event in (EventKind.APPLY, EventKind.REPAIR):
            fields = self._selection if judged is self.configuration else selection(judged.index)
            gives = self._gives(envelope, [reader.message(value, fields) for value in values], judged)
        return self._finish(envelope, gives, values, reader)

    def unknown(self, envelope: Envelope) -> Decision:
        """What an event causes of which nothing but the envelope is known."""
        return self._finish(envelope, None, (), None)

    def _finish(
        self, envelope: Envelope, gives: Gives | None, values: Sequence[bytes], reader: Reader | None
    ) -> Decision:
        tag = envelope.event in (EventKind.SAFE, EventKind.FINALIZED)
        records, entries = self.derived.add(envelope, values, reader)
        asked, statistics = self._states(envelope, records), self._statistics(envelope, records)
        facts = self._facts(envelope)
        if envelope.event in _FACTS:
            facts = together(facts, together(asked, statistics))
        elif envelope.event is EventKind.APPLY and gives is not None:
            # What a block's transactions add up to for a rule of states is counted once, for good.
            tallies = asked.tallies | statistics.tallies
            facts = together(facts, Gives(tallies=tallies))
            gives = together(gives, Gives(statistics.candidates + asked.candidates))
        elif envelope.event is EventKind.REPAIR and gives is not None:
            gives = together(gives, Gives(statistics.candidates, again=statistics.again))
        own = Counter() if gives is None else gives.errors
        self.errors = facts.errors + asked.errors + statistics.errors + own
        decision = self._decision(envelope.sequence)
        decision.derived += entries
        if reader is None and tag:
            self.fold.last = envelope.sequence
        else:
            self.fold.add(envelope, gives, facts, decision)
        return decision

    def _judging(self, envelope: Envelope) -> Configuration:
        """A block that is said again is judged by what judged it first."""
        repair = envelope.event is EventKind.REPAIR
        return self.fold.judged_by(envelope.block_hash) if repair else self.configuration

    def _statistics(self, envelope: Envelope, records: Mapping[str, Sequence[Mapping[str, object]]]) -> Gives:
        """What rules say of snapshots. One that takes everything back says nothing."""
        found = records.get(STATISTICS_FOLD, ())
        if not found or envelope.event is EventKind.REVERT:
            return NOTHING
        asked, again = Evaluation(self._judging(envelope), envelope), set()
        for record in found:
            own = bytes.fromhex(str(record["event_id"])[2:])
            again.add(own)
            if not record["removed"]:
                asked.record(Match.STAT, record, own, {"event_id": own, "until": record["window_end"]})
        return replace(asked.gives(), again=frozenset(again))

    def _states(self, envelope: Envelope, records: Mapping[str, Sequence[Mapping[str, object]]]) -> Gives:
        """What rules say of states of transactions."""
        asked = Evaluation(self.configuration, envelope)
        for record in records.get(STATES_FOLD, ()):
            own = bytes.fromhex(str(record["event_id"])[2:])
            about = {"event_id": own, "transaction_hash": bytes.fromhex(str(record["hash"])[2:])}
            asked.record(Match.TRANSACTION_STATE, record, own + str(record["state"]).encode(), about)
        return asked.gives()

    def _decision(self, sequence: int) -> Decision:
        begun, self._begun = self._begun, None
        return begun if begun is not None and begun.sequence == sequence else Decision(sequence)

    def _gives(self, envelope: Envelope, parts: Sequence[Message], judged: Configuration) -> Gives | None:
        if parts[0].values["problem"] is not None:
            return None
        if parts[0].values["header"] is None:
            raise Permanent(f"{envelope.event.name} {envelope.sequence} carries neither header nor problem")
        return Evaluation(judged, envelope).block(parts)

    def _facts(self, envelope: Envelope) -> Gives:
        """What the event tells that is of no block: a reorg is over when the next block joins."""
        reorg = self.fold.reorg
        if envelope.event is not EventKind.APPLY or reorg is None:
            return NOTHING
        asked = Evaluation(self.configuration, envelope)
        record = {
            "depth": reorg.depth,
            "old_block_number": reorg.number,
            "old_block_hash": hex_text(reorg.hash),
        }
        own = envelope.block_hash or b""
        asked.record(Match.REORG, record, reorg.hash + own)
        return asked.gives()
