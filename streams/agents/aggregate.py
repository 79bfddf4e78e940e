"""The aggregate group: enriched-blocks → chain-stats, token-stats, contract-stats. Its state is a topic."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.errors import Permanent
from headwater.metrics import aggregate as metrics
from streams.logic.aggregate.entries import STREAM, Entries
from streams.logic.aggregate.fold import Fact, Fold
from streams.logic.aggregate.input import Contribution, contribution_of
from streams.logic.aggregate.records import WRITTEN, messages_of, remarks_of
from streams.logic.event import ChainEvent, Messages
from streams.stage import Outcome, StageContext
from topics.chainlog.headers import headers_of


class AggregateStage:
    """A REVERT is folded without its content: what its block gave is remembered."""

    def __init__(self, context: StageContext) -> None:
        self._frame = context.frame
        self._input = context.reader(context.group.input)
        self._state = context.reader(STREAM)
        self._chain = context.settings.chain.name
        self._fold, self._entries = Fold(), Entries()

    def handle(self, event: ChainEvent) -> Outcome:
        """The snapshots that an event makes due. Raises Permanent before anything is remembered."""
        envelope = event.envelope
        contribution = None
        if envelope.event.carries_block and not envelope.event.removes:
            contribution = contribution_of(envelope, event.values, self._input.message)
        return self._outcome(event, contribution)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """The block is there and nothing is known of it: its windows are incomplete."""
        return self._outcome(event, None)

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """The fold from the state topic; the last sequence it holds."""
        self._fold = self._entries.restored(table, self._state.read)
        self._measure()
        return self._fold.last

    def _outcome(self, event: ChainEvent, contribution: Contribution | None) -> Outcome:
        envelope = event.envelope
        fact = Fact(
            envelope.event,
            envelope.sequence,
            envelope.block_number,
            envelope.block_hash,
            envelope.parent_hash,
            envelope.block_timestamp,
            contribution,
        )
        # The registry may have to be waited for: asked before anything is remembered.
        frames = {stream: self._frame(stream) for stream in (*WRITTEN, STREAM)}
        decision = self._fold.add(fact)
        public = [
            messages
            for snapshots in decision.snapshots()
            for messages in messages_of(envelope, snapshots, frames.__getitem__)
        ]
        if decision.marks:
            public.append(remarks_of(envelope, decision.marks, frames.__getitem__))
        frame, headers = frames[STREAM], headers_of(envelope, STREAM)
        changes = [
            (key, None if body is None else frame + body)
            for key, body in self._entries.changes(self._fold, decision)
        ]
        self._measure()
        state = Messages(STREAM, [key for key, _ in changes], [value for _, value in changes], headers)
        return Outcome(public=public, state=state)

    def _measure(self) -> None:
        entities = sum(len(each.totals) for each in self._fold.windows.values())
        metrics.AGGREGATE_BLOCKS.labels(chain=self._chain).set(len(self._fold.blocks))
        metrics.AGGREGATE_ENTITIES.labels(chain=self._chain).set(entities)


def build(context: StageContext) -> AggregateStage:
    """The stage of a running worker."""
    return AggregateStage(context)
