"""Events of a chain as they are written to raw-blocks, and what a listener reads back of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, cast

from connectors.evm.events import STAGE, Content, Event, Head
from schemas import Codec, StreamReader, codec_for, frame, schema_of
from topics.chainlog.claims import LogPosition
from topics.chainlog.kinds import EventKind
from topics.chainlog.parts import PART_BYTES, Answers, join_answers, split_answers

STREAM: Final = "raw-blocks"
META: Final = (
    "event",
    "chain_id",
    "sequence",
    "claim",
    "block_number",
    "block_hash",
    "parent_hash",
    "block_timestamp",
    "observed_at",
    "source",
    "fresh",
    "part",
    "parts",
)
"""Fields of a message that are not the node's answers, nor checks of them."""


class _Part(TypedDict):
    """What `content` needs of a message."""

    block: bytes | None
    receipts: bytes | None
    traces: bytes | None
    source: str | None
    verified: list[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of raw-blocks without its answers."""

    position: LogPosition
    kind: EventKind  # UNKNOWN: one that this version does not know
    chain_id: int
    head: Head | None
    observed_at: int
    source: str

    def log_fields(self, topic: str) -> Mapping[str, object]:
        """What log lines about the message say, for `headwater.logging.about`."""
        block = {} if self.head is None else self.head.log_fields()
        place = {"topic": topic, "partition": 0, "offset": self.position.offset}
        return {"stage": STAGE, **block, **place, "sequence": self.position.sequence}


@dataclass(frozen=True, slots=True)
class Numbered:
    """What the log gives an event: its sequence, the claim it is written under, the time in milliseconds."""

    sequence: int
    claim: int
    observed_at: int
    fresh: bool = False


def stored_of(offset: int, fields: Mapping[str, Any]) -> Stored:
    """The message at an offset of raw-blocks, from its fields META."""
    kind = EventKind.__members__.get(fields["event"], EventKind.UNKNOWN)
    head = None
    if fields["block_number"] is not None:
        parent = fields["parent_hash"] or b""
        head = Head(fields["block_number"], fields["block_hash"], parent, fields["block_timestamp"])
    position = LogPosition(
        offset,
        kind is EventKind.CLAIM,
        fields["claim"],
        fields["sequence"],
        fields["fresh"],
        fields["part"],
        fields["parts"],
    )
    return Stored(position, kind, fields["chain_id"], head, fields["observed_at"], fields["source"] or "")


class EventCodec:
    """Events of one chain to and from message values.

    `reader` reads what other versions wrote too; without one all are taken for this version's. What reads
    raises MalformedRecord, and Transient where `reader` has to ask the registry for a schema.
    """

    def __init__(
        self,
        chain_id: int,
        schema_id: int,
        *,
        reader: StreamReader | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.chain_id = chain_id
        self._reader = reader or StreamReader(STREAM, lambda _: schema_of(STREAM))
        self._frame = frame(schema_id)
        self._part_bytes = part_bytes
        self._codec: Codec = codec_for(STREAM)

    def encode(self, event: Event, numbered: Numbered) -> list[bytes]:
        """The message values of an event: one, or several when its block is very large."""
        head, content = event.head, event.content
        pieces = split_answers(_answers(content, event.replaced), self._part_bytes)
        return [
            self._frame
            + self._codec.write_values(
                event.kind.name,
                self.chain_id,
                numbered.sequence,
                numbered.claim,
                None if head is None else head.number,
                None if head is None else head.hash,
                head.parent if head is not None and event.kind.carries_block else None,
                None if head is None else head.timestamp_ms,
                numbered.observed_at,
                None if content is None else content.source,
                [] if content is None else list(content.verified),
                numbered.fresh,
                part,
                len(pieces),
                *answers_part,
            )
            for part, answers_part in enumerate(pieces)
        ]

    def claim(self, numbered: Numbered, source: str) -> bytes:
        """The message value of a CLAIM by the listener `source`."""
        record = {
            "event": EventKind.CLAIM.name,
            "chain_id": self.chain_id,
            "sequence": numbered.sequence,
            "claim": -1,
            "observed_at": numbered.observed_at,
            "source": source,
            "fresh": numbered.fresh,
            "part": 0,
            "parts": 1,
        }
        return self._frame + self._codec.write(record)

    def read(self, messages: Sequence[tuple[int, bytes]]) -> Iterator[Stored]:
        """What (offset, value) messages say, their answers passed over."""
        columns = self._reader.columns([value for _, value in messages], META)
        for (offset, _), row in zip(messages, zip(*columns.values(), strict=True), strict=True):
            yield stored_of(offset, dict(zip(META, row, strict=True)))

    def stored(self, event: Event, numbered: Numbered, offset: int, part: int, parts: int) -> Stored:
        """What `read` would give for a part of an event that was written at `offset`."""
        position = LogPosition(offset, False, numbered.claim, numbered.sequence, numbered.fresh, part, parts)
        source = "" if event.content is None else event.content.source
        return Stored(position, event.kind, self.chain_id, event.head, numbered.observed_at, source)

    def content(self, values: Sequence[bytes]) -> Content:
        """A block's content again from the values of all its parts in order."""
        parts = [cast(_Part, self._reader.read(value)) for value in values]
        answers = join_answers([(each["block"], each["receipts"], each["traces"]) for each in parts])
        block, receipts, traces = cast(tuple[bytes, bytes, bytes | None], answers)
        return Content(block, receipts, traces, parts[0]["source"] or "", tuple(parts[0]["verified"]))


def _answers(content: Content | None, replaced: Content | None) -> Answers:
    """The answers of an event in the schema's order, those that it replaces last."""
    if content is None:
        return (None,) * 5
    old_block = old_receipts = None
    if replaced is not None:
        old_block = replaced.block if replaced.block != content.block else None
        old_receipts = replaced.receipts if replaced.receipts != content.receipts else None
    return content.block, content.receipts, content.traces, old_block, old_receipts
