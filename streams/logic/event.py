"""What the logic of a stage is given, and what it gives back: an event, messages, positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import Headers


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One accepted event of a chain, whole: all its parts.

    `values` are the framed Avro values, one per part, in order; `offsets` their places in `topic`.
    `envelope` is that of the first part.
    """

    envelope: Envelope
    values: tuple[bytes, ...]
    topic: str
    partition: int
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages for one stream that share their headers: those of one chain event.

    `keys` and `values` are parallel; a value of None is a tombstone. `headers` as `headers_of` makes.
    """

    stream: str
    keys: Sequence[bytes]
    values: Sequence[bytes | None]
    headers: Headers


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition must be read up to (`next_offset` excluded) to have an event's messages."""

    topic: str
    partition: int
    next_offset: int
