"""What a stage is: the seam between the runner, which reads and writes, and the logic, which decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from headwater.errors import Permanent
from headwater.settings import Settings

Headers = Sequence[tuple[str, bytes]]


class EventKind(IntEnum):
    """The symbols of the Avro enum `EventKind`, by their index."""

    UNKNOWN = 0
    CLAIM = 1
    APPLY = 2
    REVERT = 3
    SAFE = 4
    FINALIZED = 5


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


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One accepted event of a chain, whole: all its parts.

    `values` are the framed Avro values, one a part, in order; `offsets` their places in `topic`.
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event makes the runner write.

    `public` goes into a Kafka transaction; `ledger` is called with where these messages landed, and what
    it returns goes into the same transaction. `internal` is written once that is committed, then
    `table` (key → value, None deletes), then the event is acknowledged.
    """

    public: Sequence[Messages] = ()
    ledger: Callable[[Sequence[Position]], Messages] | None = None
    internal: Sequence[Messages] = ()
    table: Sequence[tuple[bytes, bytes | None]] = ()


class Stage(Protocol):
    """The logic of a group. Called in the order of the chain, by one thread at a time.

    The runner calls `handle` once with each event. Permanent sends the event to the dead letters and
    asks for its `placeholder`; Transient makes the runner call again, so it must be raised before
    anything is remembered; any other error stops the process.
    """

    def handle(self, event: ChainEvent) -> Outcome:
        """What the event causes. Raises Permanent or Transient."""

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """What goes downstream instead of an event that is in the dead letters: the sequence has no hole.

        The values of the event may be anything; only the envelope can be relied on, and its kind is
        UNKNOWN when even that could not be read.
        """

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """Forget everything and start again from the table's content: called with each assignment.

        Returns the last sequence that the table holds; None when the stage keeps none, and then the
        runner reads it off the tail of the output topic.
        """


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage is made with. `frame(stream)` is the five bytes before each value of that stream."""

    settings: Settings
    frame: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Worker:
    """A group: the stream it follows, the internal stream it writes, how its stage is made.

    `fenced`: the input is raw-blocks, where only events of the latest CLAIM count. `table`: name of its
    Faust table. `output` None: it writes no internal stream, and its last sequence is in its table.
    """

    group: str
    input: str
    output: str | None
    build: Callable[[StageContext], Stage]
    fenced: bool = False
    table: str | None = None


def headers_of(envelope: Envelope, schema_version: int = 1) -> Headers:
    """The headers of every message that an event causes: schema-version, chain-id and sequence in ASCII.

    `traceparent` (W3C trace context) names a block's trace by its hash, as the listener does.
    """
    headers = (
        ("schema-version", str(schema_version).encode()),
        ("chain-id", str(envelope.chain_id).encode()),
        ("sequence", str(envelope.sequence).encode()),
    )
    if envelope.block_hash is None:
        return headers
    trace = envelope.block_hash[:24].hex()
    return (*headers, ("traceparent", f"00-{trace[:32]}-{trace[32:]}-01".encode()))
