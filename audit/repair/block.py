"""Which block a dead letter is about: by its value, else by the event that its headers name. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from audit.repair.letters import Letter
from connectors.evm.repair.request import BlockName
from headwater.digits import decimal
from schemas import HEADER_SIZE, MalformedRecord, codec_for, schema_id_of
from schemas.codec.strict import StrictReader
from topics.chainlog.envelope import Envelope, read_envelope
from topics.chainlog.headers import CHAIN_ID, TRACEPARENT
from topics.chainlog.kinds import EventKind
from topics.coverage import COVERAGE, STREAMS

EVENTS: Final = ("raw-blocks", "normalized-blocks", "enriched-blocks")
"""Streams whose messages are events of the chain's log."""
RECORDS: Final = (*STREAMS, COVERAGE, "transaction-states")
"""Streams whose records are of a block, which their first fields name."""
COMPARE: Final = (
    "`headwater verify --repair` compares the tables with a node and asks for the blocks that differ"
)
_NAMED: Final = ("chain_id", "block_number", "block_hash")
_TRACED: Final = 48
"""Digits of a block's hash that `traceparent` carries."""


@dataclass(frozen=True, slots=True)
class NoBlock:
    """A letter that no request follows from: why, and what to do instead."""

    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class OfEvent:
    """The letter's block is that of an event; `trace`: digits that its hash begins with, if known."""

    chain_id: int
    sequence: int
    trace: str


def block_of(letter: Letter, stream_of: Callable[[str], str | None]) -> BlockName | OfEvent | NoBlock:
    """The letter's block, or the event that has to be looked up for it. `stream_of`: topic → stream."""
    if letter.original is None:
        return NoBlock("no header says which message it was", "look at its value in `dead-letters`")
    topic = letter.original.topic
    stream = stream_of(topic)
    if stream in EVENTS:
        envelope = _envelope(letter, stream)
        return _of_event(letter) if envelope is None else block_of_event(envelope)
    if stream in RECORDS:
        return _of_record(letter, stream) or _of_event(letter)
    return NoBlock(f"the messages of {topic} are about no block", "nothing to replay")


def block_of_event(envelope: Envelope) -> BlockName | NoBlock:
    """The block whose content an event carries."""
    kind = envelope.event
    if kind.carries_block and envelope.block_number is not None and envelope.block_hash is not None:
        return BlockName(envelope.chain_id, envelope.block_number, envelope.block_hash)
    if kind is EventKind.UNKNOWN:
        return NoBlock(
            "an event of a kind that this version does not know",
            "update to the version of the listener that wrote it, then replay",
        )
    again = "the next one fences as well" if kind is EventKind.CLAIM else "the next one says it again"
    return NoBlock(f"{kind.name} {envelope.sequence} carries no block", f"nothing to do: {again}")


def _envelope(letter: Letter, stream: str) -> Envelope | None:
    if letter.head is None:
        return None
    try:
        return read_envelope(letter.head, stream)
    except MalformedRecord:
        return None  # the letter itself says what is wrong; its headers may still name the event


def _of_record(letter: Letter, stream: str) -> BlockName | None:
    """The block that a public record begins with, also when what follows is broken."""
    if letter.head is None:
        return None
    fields = codec_for(stream).record.fields[: len(_NAMED)]
    try:
        reader = StrictReader(letter.head, HEADER_SIZE, stream, schema_id_of(letter.head, stream))
        found = {each.name: reader.read(each.type, each.name) for each in fields}
    except MalformedRecord:
        return None  # as above
    chain_id, number, block_hash = (found[name] for name in _NAMED)
    if not (isinstance(chain_id, int) and isinstance(number, int) and isinstance(block_hash, bytes)):
        return None  # a state of a transaction that is in no block
    # Broken bytes may read as a block that never was: the headers know better.
    named = decimal(letter.headers.get(CHAIN_ID))
    if named not in (None, chain_id) or not block_hash.hex().startswith(_trace(letter)) or number < 0:
        return None
    return BlockName(chain_id, number, block_hash)


def _of_event(letter: Letter) -> OfEvent | NoBlock:
    sequence, chain_id = letter.sequence, decimal(letter.headers.get(CHAIN_ID))
    if sequence is None or chain_id is None:
        return NoBlock(
            "its bytes cannot be read, and no header names the event that it is of",
            f"nothing of Headwater writes such messages: find out who does; {COMPARE}",
        )
    return OfEvent(chain_id, sequence, _trace(letter))


def _trace(letter: Letter) -> str:
    """The first digits of the block's hash, from `traceparent`; none where it is absent."""
    parts = letter.headers.get(TRACEPARENT, b"").decode(errors="replace").split("-")
    trace = "".join(parts[1:3])
    return trace if len(trace) == _TRACED else ""
