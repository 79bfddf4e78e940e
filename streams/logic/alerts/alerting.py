"""The alert stage without its host: events and changes of the configuration in, decisions out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from headwater.errors import Permanent
from schemas import Message, Selection
from streams.logic.alerts.configuration import MAX_UNINDEXED, Change, CompileRule, Configuration
from streams.logic.alerts.decision import Decision
from streams.logic.alerts.deducing import divided, of_states, of_statistics
from streams.logic.alerts.derived import STATES_FOLD, STATISTICS_FOLD, Derived, Reader
from streams.logic.alerts.evaluate import Evaluation, selection
from streams.logic.alerts.fold import Fold
from streams.logic.alerts.gives import NOTHING, Gives, together
from streams.logic.alerts.records import hex_text
from streams.logic.alerts.rule import Match
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

MAX_GROUPS: Final = 10_000
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
        judged = self._judging(envelope)
        statistics = of_statistics(
            self._judging_statistics(envelope), envelope, records.get(STATISTICS_FOLD, ())
        )
        states = of_states(judged, self.configuration, envelope, records.get(STATES_FOLD, ()))
        facts, own = self._facts(envelope), Counter() if gives is None else gives.errors
        self.errors = facts.errors + states.errors + statistics.errors + own
        if envelope.event in _FACTS:
            facts = together(facts, together(states, statistics))
        elif gives is not None:
            remain, leave = divided(states)
            gives = together(gives, together(leave, statistics))
            if envelope.event is EventKind.APPLY or envelope.block_hash in self.fold.blocks:
                facts = together(facts, remain)
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

    def _judging_statistics(self, envelope: Envelope) -> Iterator[Configuration]:
        """What a repair changes of a window, the blocks behind have judged too. Made when asked for.

        So have texts of before that told of it, where what they told has moved to one of these blocks.
        """
        block = self.fold.blocks.get(envelope.block_hash or b"")
        if envelope.event is not EventKind.REPAIR or block is None:
            yield self.configuration
        else:
            blocks = [block, *self.fold.behind(block)]
            judging = self.fold.judging(blocks)
            if not judging.knows_who_told():
                judging = self.fold.judging(list(self.fold.blocks.values()))
            yield from judging.configurations()

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
        # The chain may go to and fro between two blocks: each time is a reorg.
        moment = envelope.sequence.to_bytes(8, "big")
        asked.record(Match.REORG, record, reorg.hash + own + moment)
        return asked.gives()
