"""The alert stage without its host: events and changes of the configuration in, decisions out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headwater.errors import Permanent
from schemas import Message, Selection
from streams.logic.alerts.configuration import Change, CompileRule, Configuration
from streams.logic.alerts.decision import Decision
from streams.logic.alerts.evaluate import Evaluation, selection
from streams.logic.alerts.fold import MAX_GROUPS, Fold
from streams.logic.alerts.gives import NOTHING, Gives
from streams.logic.alerts.records import hex_text
from streams.logic.alerts.rule import Match
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

Read = Callable[[bytes, Selection], Message]


class Alerting:
    """`adopt` comes before `handle` or `unknown` of the same event; once is enough, more do no harm."""

    def __init__(self, chain: str, compile_rule: CompileRule, *, max_groups: int = MAX_GROUPS) -> None:
        self.configuration = Configuration(chain, compile_rule)
        self.fold = Fold(self.configuration, max_groups)
        self.errors: Counter[str] = Counter()
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
        self._selection = selection(self.configuration.index)

    def handle(self, envelope: Envelope, values: Sequence[bytes], read: Read) -> Decision:
        """What an event causes. Raises Permanent before anything but the configuration is remembered."""
        if envelope.event in (EventKind.SAFE, EventKind.FINALIZED) and self.fold.contradicts(envelope):
            raise Permanent(
                f"{envelope.event.name} {envelope.sequence} names block {envelope.block_number}, "
                "which is not canonical"
            )
        gives = None
        if envelope.event in (EventKind.APPLY, EventKind.REPAIR):
            gives = self._gives(envelope, [read(value, self._selection) for value in values])
        return self._finish(envelope, gives)

    def unknown(self, envelope: Envelope) -> Decision:
        """What an event causes of which nothing but the envelope is known."""
        if envelope.event in (EventKind.SAFE, EventKind.FINALIZED):
            decision = self._decision(envelope.sequence)
            self.fold.last = envelope.sequence
            return decision
        return self._finish(envelope, None)

    def _finish(self, envelope: Envelope, gives: Gives | None) -> Decision:
        facts = self._facts(envelope)
        self.errors = Counter(facts.errors)
        if gives is not None:
            self.errors += gives.errors
        decision = self._decision(envelope.sequence)
        self.fold.add(envelope, gives, facts, decision)
        return decision

    def _decision(self, sequence: int) -> Decision:
        begun, self._begun = self._begun, None
        return begun if begun is not None and begun.sequence == sequence else Decision(sequence)

    def _gives(self, envelope: Envelope, parts: Sequence[Message]) -> Gives | None:
        if parts[0].values["problem"] is not None:
            return None
        if parts[0].values["header"] is None:
            raise Permanent(f"{envelope.event.name} {envelope.sequence} carries neither header nor problem")
        return Evaluation(self.configuration, envelope).block(parts)

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


REORG_FIELDS: Final = ("depth", "old_block_number", "old_block_hash")
"""Of a reorg, beside the fields that all records have: those are of the first block that joined then."""
