"""Events for tests of the stage runner."""

from __future__ import annotations

from schemas import codec_for
from schemas.wire import frame
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind


def envelope(
    sequence: int,
    *,
    number: int | None = None,
    part: int = 0,
    parts: int = 1,
    claim: int = 0,
    kind: EventKind = EventKind.APPLY,
    source: str | None = None,
    observed_at: int = 1,
) -> Envelope:
    """An event without content, of `kind`."""
    return Envelope(
        event=kind,
        chain_id=1,
        sequence=sequence,
        claim=claim,
        block_number=number,
        block_hash=None,
        parent_hash=None,
        block_timestamp=None,
        observed_at=observed_at,
        source=source,
        verified=(),
        fresh=False,
        part=part,
        parts=parts,
    )


def value_of(event: Envelope, stream: str) -> bytes:
    """The framed value of an event without content."""
    record = {name: getattr(event, name) for name in Envelope.__slots__}
    record |= {"event": event.event.name, "verified": list(event.verified)}
    return frame(7) + codec_for(stream).write(record)
