"""From an event of normalized-blocks to its public records and the event of enriched-blocks.

Pure. A record's own bytes are taken as they stand in the normalised event: nothing is encoded twice.
A REVERT makes the same records, keys and ids with `removed` set and its own, higher sequence; a REPAIR makes
them again, and takes back those of the earlier content that it does not make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from headwater.errors import Permanent
from schemas import HEADER_SIZE, codec_for
from streams.logic.body import body_of, placeholder
from streams.logic.enrich.block import BlockFacts, block_facts
from streams.logic.enrich.coverage import CoverageDraft
from streams.logic.enrich.derived import FIELDS, REPLACED, Content, Derived, content_of
from streams.logic.enrich.public import PublicWriter
from streams.logic.event import Messages
from streams.logic.parts import spread
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import headers_of
from topics.chainlog.parts import PART_BYTES

STREAM: Final = "enriched-blocks"
_FIELDS: Final[dict[str, tuple[str, ...] | None]] = {"problem": None, "header": None, **FIELDS}
_REPAIR_FIELDS: Final = _FIELDS | REPLACED
_normalized = codec_for("normalized-blocks")
_arrays = codec_for(STREAM).split(_normalized.names)


@dataclass(frozen=True, slots=True)
class Enriched:
    """What an event becomes.

    `public` goes into one Kafka transaction, with the record that `coverage` makes once their offsets are
    known; both are empty for an event without a block, and for a repair that failed. `values` are the framed
    event of enriched-blocks, one per part.
    """

    public: list[Messages]
    coverage: CoverageDraft | None
    values: list[bytes]


def enrich(
    envelope: Envelope,
    values: Sequence[bytes],
    frame: Callable[[str], bytes],
    *,
    part_bytes: int = PART_BYTES,
    created_by_calls: bool = False,
) -> Enriched:
    """Enrich one whole event; `values` are its framed parts, in order.

    What is derived can be many times what it is derived from, so the event may come to have more parts.
    `created_by_calls` is a habit of the chain, see `derive`.

    A block that could not be normalised has an incomplete coverage record and no other public message.
    Raises MalformedRecord for bytes that are not a normalised event, Permanent for one that contradicts
    itself.
    """
    repairs = envelope.event.repairs
    fields = _REPAIR_FIELDS if repairs else _FIELDS
    parts = [_normalized.message(value, fields) for value in values]
    block = block_facts(envelope)
    content = partial(content_of, created_by_calls=created_by_calls)
    contents = [content(part) for part in parts]
    replaced = [content(part, "replaced_") for part in parts] if repairs else []
    internal = [_internal(frame, value, own.derived) for value, own in zip(values, contents, strict=True)]
    if max(map(len, internal)) > part_bytes and "header" in parts[0].bodies:
        internal = _split(envelope, frame, parts[0].bodies["header"], contents, replaced, part_bytes)
    if block is None:
        return Enriched([], None, internal)
    problem = cast("str | None", parts[0]["problem"])
    if problem is not None:
        return Enriched([], _incomplete(envelope, block, problem), internal)
    if "header" not in parts[0].bodies:
        raise Permanent(f"{envelope.event.name} {envelope.sequence} carries neither header nor problem")
    writer = PublicWriter(block, frame, partial(headers_of, envelope))
    for each in contents:
        writer.add(each)
    counts = writer.close(parts[0].bodies["header"])
    gone = writer.retract(contents, replaced) if repairs else 0
    return Enriched(writer.messages, CoverageDraft(block, counts, retractions=gone), internal)


def _incomplete(envelope: Envelope, block: BlockFacts, problem: str) -> CoverageDraft | None:
    """What coverage says of a block whose event failed.

    Nothing where the event was a repair: what was said before holds, and a block that was complete must not
    be hidden by an attempt to say it again.
    """
    return None if envelope.event.repairs else CoverageDraft(block, {}, problem)


def _split(
    envelope: Envelope,
    frame: Callable[[str], bytes],
    header: bytes,
    contents: Sequence[Content],
    replaced: Sequence[Content],
    part_bytes: int,
) -> list[bytes]:
    """The event in as many parts as its records need, whatever parts they came in."""
    arrays = (
        [body for each in contents for body in each.transactions.bodies],
        [body for each in contents for body in each.logs.bodies],
        [body for each in replaced for body in each.transactions.bodies],
        [body for each in replaced for body in each.logs.bodies],
        [body for each in contents for body in each.derived.transfers],
        [body for each in contents for body in each.derived.contracts],
    )
    ranges = spread(part_bytes, header, *arrays)
    values = []
    for number, chosen in enumerate(ranges):
        transactions, logs, replaced_transactions, replaced_logs, transfers, contracts = (
            array[own] for array, own in zip(arrays, chosen, strict=True)
        )
        body = body_of(
            envelope,
            header=header,
            transactions=transactions,
            logs=logs,
            replaced_transactions=replaced_transactions,
            replaced_logs=replaced_logs,
            part=number,
            parts=len(ranges),
        )
        values.append(frame(STREAM) + body + _arrays.rest(transfers, contracts))
    return values


def enriched_placeholder(envelope: Envelope, problem: str, frame: Callable[[str], bytes]) -> Enriched:
    """What goes downstream for an event that could not be enriched: no records, and why."""
    value = frame(STREAM) + placeholder(envelope, problem) + _arrays.rest((), ())
    try:
        block = block_facts(envelope)
    except Permanent:
        block = None  # It does not name a block, so there is none to cover; the dead letter tells of it.
    return Enriched([], None if block is None else _incomplete(envelope, block, problem), [value])


def _internal(frame: Callable[[str], bytes], value: bytes, derived: Derived) -> bytes:
    return frame(STREAM) + value[HEADER_SIZE:] + _arrays.rest(derived.transfers, derived.contracts)
