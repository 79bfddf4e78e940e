"""Events of raw-blocks as the listener writes them, for tests of the stages."""

from __future__ import annotations

from schemas import codec_for, frame
from streams.logic.event import ChainEvent
from topics.chainlog.envelope import Envelope
from topics.chainlog.parts import PART_BYTES, split_answers

FRAME = frame(1)
_ANSWERS = ("block", "receipts", "replaced_block", "replaced_receipts")


def raw_event(own: Envelope, *answers: bytes | None, limit: int = PART_BYTES) -> ChainEvent:
    """The event with its answers, those that it replaces last, in parts of `limit` bytes of answers."""
    fields = {name: getattr(own, name) for name in Envelope.__slots__} | {"event": own.event.name}
    whole = (*answers, None, None, None, None)[: len(_ANSWERS)]
    pieces = split_answers(whole, limit)
    values = tuple(
        FRAME
        + codec_for("raw-blocks").write(
            fields | {"part": part, "parts": len(pieces)} | dict(zip(_ANSWERS, piece, strict=True))
        )
        for part, piece in enumerate(pieces)
    )
    return ChainEvent(own, values, "local.raw-blocks.v1", 0, tuple(range(len(values))))
