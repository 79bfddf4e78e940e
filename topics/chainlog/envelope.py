"""Reads the envelope that every event of raw-, normalized- and enriched-blocks starts with.

Only the first fields of values of many megabytes are read here; the stage's codec reads the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas import codec_for
from schemas.codec.varint import read_long
from schemas.errors import MalformedRecord
from schemas.wire import HEADER_SIZE, schema_id_of
from topics.chainlog.kinds import EventKind


@dataclass(frozen=True, slots=True)
class Envelope:
    """The fields that every event of raw-, normalized- and enriched-blocks starts with, in their order.

    Times are milliseconds since 1970 (UTC); a CLAIM has no block.
    """

    event: EventKind
    chain_id: int
    sequence: int
    claim: int
    block_number: int | None
    block_hash: bytes | None
    parent_hash: bytes | None
    block_timestamp: int | None
    observed_at: int
    source: str | None
    verified: tuple[str, ...]
    fresh: bool
    part: int
    parts: int


_HASH = 32


def read_envelope(value: bytes, stream: str) -> Envelope:
    """The envelope of a framed value. Raises MalformedRecord naming the offset and the field."""
    schema_id = schema_id_of(value, stream)
    try:
        return _Cursor(value).envelope()
    except (IndexError, ValueError) as error:
        # The codec's own reader explains better what is wrong, and where.
        codec_for(stream).message(value, {"event": None})
        raise MalformedRecord(stream, schema_id, HEADER_SIZE, "", f"no envelope: {error}") from error


class _Cursor:
    """Decodes Avro primitives from a place on. Raises IndexError past the end, ValueError on nonsense."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = HEADER_SIZE

    def envelope(self) -> Envelope:
        return Envelope(
            event=EventKind(self.long()),
            chain_id=self.natural("chain_id"),
            sequence=self.natural("sequence"),
            claim=self.long(),
            block_number=self.natural("block_number") if self.present() else None,
            block_hash=self.fixed() if self.present() else None,
            parent_hash=self.fixed() if self.present() else None,
            block_timestamp=self.long() if self.present() else None,
            observed_at=self.long(),
            source=self.string() if self.present() else None,
            verified=self.strings(),
            fresh=self.boolean(),
            part=self.long(),
            parts=self.long(),
        )

    def long(self) -> int:
        number, self.at = read_long(self.value, self.at)
        return number

    def natural(self, field: str) -> int:
        number = self.long()
        if number < 0:
            raise ValueError(f"{field} {number} is negative")
        return number

    def present(self) -> bool:
        branch = self.long()
        if branch not in (0, 1):
            raise ValueError(f"branch {branch} of a union of two")
        return branch == 1

    def boolean(self) -> bool:
        byte = self.value[self.at]
        if byte > 1:
            raise ValueError(f"boolean {byte}")
        self.at += 1
        return byte == 1

    def raw(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.value):
            raise IndexError(f"{size} bytes wanted at {self.at} of {len(self.value)}")
        piece = self.value[self.at : self.at + size]
        self.at += size
        return piece

    def fixed(self) -> bytes:
        return self.raw(_HASH)

    def string(self) -> str:
        return self.raw(self.long()).decode()

    def strings(self) -> tuple[str, ...]:
        found: list[str] = []
        while (count := self.long()) != 0:
            if count < 0:
                count = -count
                self.long()  # the block's size in bytes
            if count > len(self.value):
                raise ValueError(f"{count} strings in {len(self.value)} bytes")
            found += [self.string() for _ in range(count)]
        return tuple(found)
