"""What enrich publishes of real answers keeps every promise, once decoded."""

from __future__ import annotations

from collections.abc import Iterator

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.fold import StreamCheck
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import Record, StreamPosition
from audit.stream_check.decode import STREAMS, Decoder, Raw
from schemas import HEADER_SIZE, Schema, StreamReader, frame, schema_of
from streams.logic.event import Messages, Position
from tests.builders.enriched_events import enriched_event
from topics.chainlog.kinds import EventKind

IDS = {stream: number for number, stream in enumerate(("normalized-blocks", "enriched-blocks", *STREAMS))}
ANOTHER = 100
PARTITIONS = dict.fromkeys(STREAMS, 3)


def frame_of(stream: str) -> bytes:
    return frame(IDS[stream])


def schema_of_id(number: int) -> Schema | None:
    """Ours of a stream; from ANOTHER on with a field more, which is null."""
    another, own = divmod(number, ANOTHER)
    if own >= len(IDS):
        return None
    schema = schema_of([*IDS][own])
    later = {"name": "later", "type": ["null", "string"], "default": None}
    return schema | {"fields": [*schema["fields"], later]} if another else schema


def decoder() -> Decoder:
    topics = {f"chain.{stream}.v1": stream for stream in STREAMS}
    return Decoder(topics, lambda stream: StreamReader(stream, schema_of_id))


class Topics:
    """Topics of three partitions that events are published to."""

    def __init__(self) -> None:
        self.end_offsets: dict[tuple[str, int], int] = {}
        self.messages: list[Raw] = []

    def publish(self, kind: EventKind, sequence: int) -> None:
        enriched = enriched_event(frame_of, kind, sequence, 42, 0xB1, 0xA0)
        reach: dict[tuple[str, int], int] = {}
        for messages in enriched.public:
            reach |= self._write(messages)
        assert enriched.coverage is not None
        positions = [Position(f"chain.{stream}.v1", n, end) for (stream, n), end in reach.items()]
        self._write(enriched.coverage.message(positions, frame_of, ()))

    def _write(self, messages: Messages) -> dict[tuple[str, int], int]:
        reach: dict[tuple[str, int], int] = {}
        for key, value in zip(messages.keys, messages.values, strict=True):
            assert value is not None
            partition = messages.stream, partition_of(key, PARTITIONS[messages.stream])
            offset = self.end_offsets.get(partition, 0)
            self.end_offsets[partition] = reach[partition] = offset + 1
            self.messages.append(Raw(StreamPosition(*partition, offset), 1_000, key, value))
        return reach

    def decoded(self) -> Iterator[Record | Finding]:
        own = decoder()
        for message in self.messages:
            yield from own.records(message.position.stream, [message])


def checked(decoded: Iterator[Record | Finding]) -> tuple[set[str], StreamCheck]:
    found: list[Finding] = []
    check = StreamCheck(PARTITIONS, found.append)
    for record in decoded:
        if isinstance(record, Record):
            check.add(record)
        else:
            found.append(record)
    check.settle()
    check.close()
    return {each.kind for each in found}, check


def test_what_enrich_publishes_keeps_every_promise() -> None:
    topics = Topics()
    for sequence, kind in enumerate(
        (EventKind.APPLY, EventKind.REPAIR, EventKind.REVERT, EventKind.REPAIR_REVERT), start=7
    ):
        topics.publish(kind, sequence)
    topics.publish(EventKind.REPAIR_REVERT, 10)  # again, as after a kill
    found, check = checked(topics.decoded())
    assert found == set()
    assert dict(check.tally.events) == {"apply": 1, "repair": 1, "revert": 1, "repair-revert": 1}
    assert dict(check.tally.records) == {
        "blocks": 4,
        "transactions": 8,
        "logs": 8,
        "token-transfers": 8,
        "contracts": 4,
        "coverage": 4,
    }
    assert check.tally.repeats == 9


def test_every_stream_has_its_own_key_and_identity() -> None:
    topics = Topics()
    topics.publish(EventKind.APPLY, 7)
    for number, message in enumerate(topics.messages):
        other = message._replace(key=message.key + b"0")
        changed = [*topics.messages[:number], other, *topics.messages[number + 1 :]]
        topics_changed = Topics()
        topics_changed.messages = changed
        assert "key" in checked(topics_changed.decoded())[0], message.position


def test_records_of_another_version_are_read() -> None:
    """As those are that the versions of an upgrade write side by side, and all from before it."""
    topics = Topics()
    topics.publish(EventKind.APPLY, 7)
    topics.messages = [
        each._replace(value=frame(ANOTHER + IDS[each.position.stream]) + each.value[HEADER_SIZE:] + b"\0")
        for each in topics.messages
    ]
    found, check = checked(topics.decoded())
    assert found == set()
    assert set(check.tally.records) == set(STREAMS)


def test_what_is_not_a_record_is_reported_with_its_position() -> None:
    position = StreamPosition("logs", 1, 77)
    unknown = Raw(position, 0, b"key", frame(99) + b"x")
    broken = Raw(position, 0, b"key", frame_of("logs") + b"\x01")
    tombstone = Raw(position, 0, b"key", b"")
    found = [*decoder().records("logs", [unknown, broken, tombstone])]
    assert [each.kind for each in found if isinstance(each, Finding)] == ["malformed"] * 3
    assert all(each.places == (position,) for each in found if isinstance(each, Finding))
