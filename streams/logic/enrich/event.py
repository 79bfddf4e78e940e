"""From an event of normalized-blocks to its public records and the event of enriched-blocks.

Pure. A record's own bytes are taken as they stand in the normalised event: nothing is encoded twice.
A REVERT makes the same records, keys and ids with `removed` set and its own, higher sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from headwater.errors import Permanent
from schemas import HEADER_SIZE, Message, codec_for
from streams.logic.body import body_of, placeholder
from streams.logic.enrich.block import block_facts
from streams.logic.enrich.coverage import CoverageDraft
from streams.logic.enrich.derived import FIELDS, Derived, derive
from streams.logic.enrich.public import PublicWriter
from streams.logic.event import Messages
from streams.logic.parts import spread
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import Headers
from topics.chainlog.parts import PART_BYTES

STREAM: Final = "enriched-blocks"
_FIELDS: Final[dict[str, tuple[str, ...] | None]] = {"problem": None, "header": None, **FIELDS}
_normalized = codec_for("normalized-blocks")
_arrays = codec_for(STREAM).split(_normalized.names)


@dataclass(frozen=True, slots=True)
class Enriched:
    """What an event becomes.

    `public` goes into one Kafka transaction, with the record that `coverage` makes once their offsets are
    known; both are empty for an event without a block. `values` are the framed event of
    enriched-blocks, one per part.
    """

    public: list[Messages]
    coverage: CoverageDraft | None
    values: list[bytes]


def enrich(
    envelope: Envelope,
    values: Sequence[bytes],
    frame: Callable[[str], bytes],
    headers: Headers,
    *,
    part_bytes: int = PART_BYTES,
) -> Enriched:
    """Enrich one whole event; `values` are its framed parts, in order.

    What is derived can be many times what it is derived from, so the event may come to have more parts.

    A block that could not be normalised has an incomplete coverage record and no other public message.
    Raises MalformedRecord for bytes that are not a normalised event, Permanent for one that contradicts
    itself.
    """
    parts = [_normalized.message(value, _FIELDS) for value in values]
    block = block_facts(envelope)
    derived = [derive(part) for part in parts]
    internal = [_internal(frame, value, own) for value, own in zip(values, derived, strict=True)]
    if max(map(len, internal)) > part_bytes and "header" in parts[0].bodies:
        internal = _split(envelope, frame, parts, derived, part_bytes)
    if block is None:
        return Enriched([], None, internal)
    problem = cast("str | None", parts[0]["problem"])
    if problem is not None:
        return Enriched([], CoverageDraft(block, {}, problem), internal)
    if "header" not in parts[0].bodies:
        raise Permanent(f"{envelope.event.name} {envelope.sequence} carries neither header nor problem")
    writer = PublicWriter(block, frame, headers)
    for part, own in zip(parts, derived, strict=True):
        writer.add(part, own)
    public, counts = writer.finish(parts[0].bodies["header"])
    return Enriched(public, CoverageDraft(block, counts), internal)


def _split(
    envelope: Envelope,
    frame: Callable[[str], bytes],
    parts: Sequence[Message],
    derived: Sequence[Derived],
    part_bytes: int,
) -> list[bytes]:
    """The event in as many parts as its records need, whatever parts they came in."""
    header = parts[0].bodies["header"]
    arrays = (
        [body for part in parts for body in part.records["transactions"].bodies],
        [body for part in parts for body in part.records["logs"].bodies],
        [body for own in derived for body in own.transfers],
        [body for own in derived for body in own.contracts],
    )
    ranges = spread(part_bytes - len(header), *arrays)
    values = []
    for number, chosen in enumerate(ranges):
        transactions, logs, transfers, contracts = (
            array[own] for array, own in zip(arrays, chosen, strict=True)
        )
        body = body_of(
            envelope, header=header, transactions=transactions, logs=logs, part=number, parts=len(ranges)
        )
        values.append(frame(STREAM) + body + _arrays.rest(transfers, contracts))
    return values


def enriched_placeholder(envelope: Envelope, problem: str, frame: Callable[[str], bytes]) -> Enriched:
    """What goes downstream for an event that could not be enriched: incomplete coverage, no records."""
    value = frame(STREAM) + placeholder(envelope, problem) + _arrays.rest((), ())
    try:
        block = block_facts(envelope)
    except Permanent:
        block = None  # It does not name a block, so there is none to cover; the dead letter tells of it.
    return Enriched([], None if block is None else CoverageDraft(block, {}, problem), [value])


def _internal(frame: Callable[[str], bytes], value: bytes, derived: Derived) -> bytes:
    return frame(STREAM) + value[HEADER_SIZE:] + _arrays.rest(derived.transfers, derived.contracts)
