"""The enrich group: normalized-blocks → the public topics and enriched-blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from headwater.errors import Permanent
from headwater.settings.profiles import profile_of
from streams.logic.enrich.event import STREAM, Enriched, enrich, enriched_placeholder
from streams.logic.event import ChainEvent, Messages
from streams.stage import Outcome, StageContext
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import headers_of
from topics.coverage import COVERAGE


class EnrichStage:
    """`to_current_schema` gives a value in our version of its schema, itself where it is that already."""

    def __init__(self, context: StageContext, to_current_schema: Callable[[bytes], bytes]) -> None:
        self._frame = context.frame
        self._to_current_schema = to_current_schema
        self._chain = context.settings.chain

    def handle(self, event: ChainEvent) -> Outcome:
        """A block's public records, its coverage, and the enriched event. Raises Permanent."""
        values = [self._to_current_schema(value) for value in event.values]
        calls = profile_of(event.envelope.chain_id, self._chain).created_by_calls
        return self._outcome(
            event.envelope, enrich(event.envelope, values, self._frame, created_by_calls=calls)
        )

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """The event's number, and an incomplete coverage record of its block; none for a repair."""
        return self._outcome(event.envelope, enriched_placeholder(event.envelope, str(problem), self._frame))

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """Nothing is kept between events."""
        return None

    def _outcome(self, envelope: Envelope, enriched: Enriched) -> Outcome:
        keys = [str(envelope.chain_id).encode()] * len(enriched.values)
        draft, headers = enriched.coverage, headers_of(envelope, COVERAGE)
        return Outcome(
            public=enriched.public,
            coverage=None if draft is None else partial(draft.message, frame=self._frame, headers=headers),
            internal=[Messages(STREAM, keys, enriched.values, headers_of(envelope, STREAM))],
        )


def build(context: StageContext) -> EnrichStage:
    """The stage of a running worker."""
    return EnrichStage(context, context.reader(context.group.input).to_current_schema)
