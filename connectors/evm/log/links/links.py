"""The seam to raw-links, and the form of its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from connectors.evm.log.codec import META, Stored, stored_of
from schemas import Codec, StreamReader, codec_for, frame, schema_of

STREAM: Final = "raw-links"
_OFFSET: Final = "offset"


class Links(Protocol):
    """What is known of messages of raw-blocks, written after them. All calls come from one thread.

    A copy, which may lack any message: whoever reads it looks into raw-blocks for the rest.
    """

    def last(self, count: int) -> list[Stored]:
        """The last `count` that were written, or fewer, oldest first. Raises Transient, Fatal."""

    def note(self, stored: Stored) -> None:
        """Write one, without waiting. What cannot be written is only logged."""

    def forget(self) -> None:
        """Delete all that are written so far. Raises Transient."""

    def close(self) -> None:
        """Wait a little for what is under way, and release everything."""


class LinkCodec:
    """What a message of raw-blocks says, to and from the values of raw-links.

    `reader` reads what other versions wrote too; without one all are taken for this version's. What reads
    raises MalformedRecord, and Transient where `reader` has to ask the registry for a schema.
    """

    def __init__(self, schema_id: int, *, reader: StreamReader | None = None) -> None:
        self._reader = reader or StreamReader(STREAM, lambda _: schema_of(STREAM))
        self._frame = frame(schema_id)
        self._codec: Codec = codec_for(STREAM)

    def encode(self, stored: Stored) -> bytes:
        """The value that stands for a message."""
        position, head = stored.position, stored.head
        return self._frame + self._codec.write_values(
            position.offset,
            stored.kind.name,
            stored.chain_id,
            position.sequence,
            position.claim,
            None if head is None else head.number,
            None if head is None else head.hash,
            # As in raw-blocks: of a block that is only named the parent is left out.
            head.parent if head is not None and stored.kind.carries_block else None,
            None if head is None else head.timestamp_ms,
            stored.observed_at,
            stored.source or None,
            position.fresh,
            position.part,
            position.parts,
        )

    def decode(self, values: Sequence[bytes]) -> Iterator[Stored]:
        """The messages that values stand for."""
        columns = self._reader.columns(values, (_OFFSET, *META))
        for offset, *row in zip(*columns.values(), strict=True):
            fields: dict[str, Any] = dict(zip(META, row, strict=True))
            yield stored_of(int(str(offset)), fields)
