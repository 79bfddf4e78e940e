"""Messages of the public topics to what the algebra looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from audit.stream_check.algebra.event import COMPACTED
from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.record import BlockSummary, Partition, Record, StreamPosition
from headwater.evm.identity import HexKeys, RecordKind, event_id
from schemas import HEADER_SIZE, MalformedRecord, StreamReader
from topics.coverage import BLOCKS, COUNTED, COVERAGE

TRANSACTIONS: Final = "transactions"
_COMMON: Final = ("chain_id", "block_number", "block_hash", "sequence", "removed", "event_id")
_COUNTS: Final = tuple(each.field for each in COUNTED)
_BLOCK: Final = ("parent_hash", *_COUNTS)


class Identity(NamedTuple):
    """What a stream's event_id and key are made of: kind, index and sub-index; the field of the key."""

    kind: RecordKind
    index_field: str | None
    sub_index_field: str | None
    key_field: str | None


IDENTITIES: Final[Mapping[str, Identity]] = {
    BLOCKS: Identity(RecordKind.BLOCK, None, None, None),
    COVERAGE: Identity(RecordKind.BLOCK, None, None, None),
    TRANSACTIONS: Identity(RecordKind.TRANSACTION, "transaction_index", None, "from_address"),
    "logs": Identity(RecordKind.LOG, "log_index", None, "address"),
    "token-transfers": Identity(RecordKind.TOKEN_TRANSFER, "log_index", "batch_index", "token_address"),
    "contracts": Identity(RecordKind.CONTRACT, "transaction_index", None, "address"),
}
STREAMS: Final = tuple(IDENTITIES)
"""What is read besides transaction-states: all that coverage counts, and coverage."""


class Raw(NamedTuple):
    """A message as Kafka has it. `time_ms` is the broker's."""

    position: StreamPosition
    time_ms: int
    key: bytes
    value: bytes


class Decoder:
    """`topics`: name of a topic → its stream. `reader_of` gives a stream's reader.

    Raises Transient when the registry does not answer.
    """

    def __init__(self, topics: Mapping[str, str], reader_of: Callable[[str], StreamReader]) -> None:
        self._topics = topics
        self._readers = {stream: reader_of(stream) for stream in STREAMS}

    def records(self, stream: str, messages: Sequence[Raw]) -> Iterator[Record | Finding]:
        """The record of each message, or that it is not one, in order."""
        reader, identity = self._readers[stream], IDENTITIES[stream]
        names = [*_COMMON, *(each for each in identity[1:] if each is not None)]
        if stream in (BLOCKS, COVERAGE):
            names += _BLOCK
        if stream == COVERAGE:
            names += ["complete", "problem", "offsets", "verified", "block_timestamp"]
        if stream == TRANSACTIONS:
            names.append("hash")
        try:
            values = [reader.to_current_schema(message.value) for message in messages]
            columns = reader.codec.columns(values, fields=names)
        except MalformedRecord as error:
            if len(messages) == 1:
                yield Finding("malformed", None, None, (), (messages[0].position,), str(error))
                return
            # Which of them it is, and what the others are.
            for message in messages:
                yield from self.records(stream, [message])
            return
        keys = HexKeys()
        for message, value, *row in zip(messages, values, *columns.values(), strict=True):
            fields: dict[str, Any] = dict(zip(names, row, strict=True))
            yield self._record(message, value, fields, identity, keys)

    def _record(
        self, message: Raw, value: bytes, fields: Mapping[str, Any], identity: Identity, keys: HexKeys
    ) -> Record:
        stream = message.position.stream
        number, block_hash = cast(int, fields["block_number"]), cast(bytes, fields["block_hash"])
        key = b"%d" % number if identity.key_field is None else keys[fields[identity.key_field]]
        if stream in COMPACTED:
            # Or compaction would drop what another block at this height, or of this address, has.
            key = b"%b:%b" % (key, keys[block_hash])
        own_id = event_id(
            fields["chain_id"],
            block_hash,
            identity.kind,
            0 if identity.index_field is None else fields[identity.index_field],
            0 if identity.sub_index_field is None else fields[identity.sub_index_field],
        )
        return Record(
            message.position,
            message.time_ms,
            message.key,
            message.key if message.key == key else key,
            own_id if fields["event_id"] == own_id else fields["event_id"],
            own_id,
            number,
            block_hash,
            fields["sequence"],
            fields["removed"],
            _content(fields) if stream == COVERAGE else hash(value[HEADER_SIZE:]),
            self._summary(stream, fields) if stream in (BLOCKS, COVERAGE) else None,
            fields.get("hash"),
        )

    def _summary(self, stream: str, fields: Mapping[str, Any]) -> BlockSummary:
        counts = tuple(fields[name] for name in _COUNTS)
        if stream == BLOCKS:
            return BlockSummary(fields["parent_hash"], counts)
        offsets: dict[Partition, int] = {
            (self._topics.get(each["topic"], each["topic"]), each["partition"]): each["next_offset"]
            for each in fields["offsets"]
        }
        return BlockSummary(fields["parent_hash"], counts, fields["complete"], fields["problem"], offsets)


def _content(coverage: Mapping[str, Any]) -> int:
    """Of a repeat only the offsets differ: it lies elsewhere."""
    return hash(
        tuple(
            tuple(value) if isinstance(value, list) else value
            for name, value in coverage.items()
            if name != "offsets"
        )
    )
