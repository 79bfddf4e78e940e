"""The state group: enriched-blocks → transaction-states. Its table is the recent past of the chain's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from headwater.errors import Permanent
from headwater.metrics import stages as metrics
from streams.logic.event import ChainEvent, Messages
from streams.logic.state.facts import Fact, key_of, pack
from streams.logic.state.fold import Change, Fold
from streams.logic.state.input import block_fact, fact_of, undecided
from streams.logic.state.records import STREAM, messages_of, portions
from streams.logic.state.window import restored
from streams.stage import Outcome, StageContext
from topics.chainlog.headers import Headers, headers_of
from topics.chainlog.kinds import EventKind


class StateStage:
    """`to_current_schema` gives a value in our version of its schema, itself where it is that already."""

    def __init__(self, context: StageContext, to_current_schema: Callable[[bytes], bytes]) -> None:
        self._frame = context.frame
        self._chain = context.settings.chain.name
        self._to_current_schema = to_current_schema
        self._fold = Fold()
        self._stale: tuple[bytes, ...] = ()

    def handle(self, event: ChainEvent) -> Outcome:
        """The states that an event decides. Raises Permanent before anything is remembered."""
        envelope = event.envelope
        fact = fact_of(envelope)
        if fact.is_block and (envelope.event.repairs or not self._fold.knows(envelope.block_hash or b"")):
            fact = block_fact(envelope, [self._to_current_schema(value) for value in event.values])
        if fact.is_tag and self._fold.contradicts(fact):
            raise Permanent(
                f"{envelope.event.name} {fact.sequence} names block {fact.number}, which is not canonical"
            )
        return self._outcome(event, fact)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """Only the number, and that the block is there: nothing is known of its transactions.

        A repair that fails decides nothing, as if it had not come.
        """
        fact = fact_of(event.envelope)
        return self._outcome(event, undecided(fact) if fact.is_tag or event.envelope.event.repairs else fact)

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """The fold from the table; the last sequence it holds."""
        window = restored(table)
        self._fold, self._stale = window.fold, window.stale
        self._measure()
        return self._fold.last

    def _outcome(self, event: ChainEvent, fact: Fact) -> Outcome:
        headers = headers_of(event.envelope, STREAM)
        # The registry may have to be waited for: asked before anything is remembered.
        frame = self._frame(STREAM)
        *ahead, last = portions(self._fold.add(fact))
        # The fact first: a hole behind deleted entries is nothing, one before them would be a loss.
        table: list[tuple[bytes, bytes | None]] = [(key_of(fact.sequence), pack(fact))]
        if fact.kind == EventKind.FINALIZED:
            old = self._fold.prunable()
            self._fold.forget(old)
            table += [(key_of(sequence), None) for sequence in old]
        table += [(key, None) for key in self._stale]
        self._stale = ()
        self._measure()
        return Outcome(
            public=_messages(last, frame, headers),
            ahead=[partial(_messages, portion, frame, headers) for portion in ahead],
            table=table,
        )

    def _measure(self) -> None:
        metrics.STATE_BLOCKS.labels(chain=self._chain).set(self._fold.blocks)


def _messages(changes: Sequence[Change], frame: bytes, headers: Headers) -> list[Messages]:
    return [messages_of(change, frame, headers) for change in changes]


def build(context: StageContext) -> StateStage:
    """The stage of a running worker."""
    return StateStage(context, context.reader(context.group.input).to_current_schema)
