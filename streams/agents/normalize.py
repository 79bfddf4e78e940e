"""The normalize group: raw-blocks → normalized-blocks, event by event, one to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from headwater.errors import Permanent
from streams.logic.body import STREAM, placeholder
from streams.logic.event import ChainEvent, Messages
from streams.logic.normalize.decode import read_answers
from streams.logic.normalize.event import normalize
from streams.logic.normalize.replaced import read_replaced
from streams.stage import Outcome, StageContext
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import headers_of


class NormalizeStage:
    """`to_current_schema` gives a value in our version of its schema, itself where it is that already."""

    def __init__(self, context: StageContext, to_current_schema: Callable[[bytes], bytes]) -> None:
        self._frame = context.frame
        self._to_current_schema = to_current_schema

    def handle(self, event: ChainEvent) -> Outcome:
        """The event with its block in typed form. Raises Permanent naming what is wrong with the block."""
        values = [self._to_current_schema(value) for value in event.values]
        answers = read_answers(values)
        replaced = read_replaced(values) if event.envelope.event.repairs else None
        bodies = normalize(event.envelope, answers.block, answers.receipts, replaced)
        return self._outcome(event.envelope, bodies)

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """The event's number without its content: downstream sees an incomplete block, never a hole."""
        return self._outcome(event.envelope, [placeholder(event.envelope, str(problem))])

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """Nothing is kept between events."""
        return None

    def _outcome(self, envelope: Envelope, bodies: Sequence[bytes]) -> Outcome:
        frame = self._frame(STREAM)
        keys = [str(envelope.chain_id).encode()] * len(bodies)
        return Outcome(
            internal=[Messages(STREAM, keys, [frame + body for body in bodies], headers_of(envelope, STREAM))]
        )


def build(context: StageContext) -> NormalizeStage:
    """The stage of a running worker."""
    return NormalizeStage(context, context.reader(context.group.input).to_current_schema)
