"""What a stage reads outside Faust: where it stopped, and messages that it should have been given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Message

from headwater import kafka
from headwater.settings import Settings
from streams.serde import read_envelope
from streams.stage import EventKind
from streams.stage_gate import GateState, Incoming

# Written with every internal message: the offset after the input event that caused it.
POSITION_HEADER: Final = "source-position"
_TAIL: Final = 16
_CHUNK: Final = 8


def incoming(message: Message) -> Incoming:
    """A librdkafka message as the gate wants it."""
    return Incoming(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_octets(message.key()),
        value=_octets(message.value()),
        headers=tuple((str(each[0]), _octets(each[1]) or b"") for each in message.headers() or ()),
    )


def last_written(settings: Settings, topic: str, stream: str, partition: int) -> GateState:
    """Where the writer of an internal topic stopped, from the topic's tail.

    Repeats of a paused writer may follow the last message, so the highest sequence of the last
    messages counts; an event whose last part is missing was not finished. Raises Transient when the
    broker does not answer.
    """
    reader = kafka.reader(settings, isolation="read_uncommitted")
    try:
        state = GateState()
        for message in kafka.tail(reader, topic, _TAIL, partition):
            found = incoming(message)
            if found.value is None:
                continue
            envelope = read_envelope(found.value, stream)
            complete = envelope.part == envelope.parts - 1
            last = envelope.sequence if complete else envelope.sequence - 1
            if state.last is not None and last <= state.last:
                continue
            position = next((int(v) for name, v in found.headers if name == POSITION_HEADER), None)
            claim: int | None = envelope.claim
            if not complete:
                position, claim = None, envelope.claim
            elif envelope.event is EventKind.CLAIM:
                # Its own offset in raw-blocks is what the events after it name.
                claim = None if position is None else position - 1
            elif envelope.event is EventKind.UNKNOWN:
                claim = state.claim
            state = GateState(last=last, claim=claim, position=position)
        return state
    finally:
        reader.close()


def reread(
    settings: Settings, topic: str, partition: int, start: int | None, end: int
) -> Iterator[list[Incoming]]:
    """The messages with start <= offset < end in small batches; `start` None begins with the oldest kept."""
    reader = kafka.reader(settings, isolation="read_uncommitted")
    try:
        low, _ = kafka.watermarks(reader, topic, partition)
        batch: list[Incoming] = []
        for message in kafka.read_range(reader, topic, max(low, start or low), end, partition):
            batch.append(incoming(message))
            if len(batch) == _CHUNK:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        reader.close()


def _octets(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
