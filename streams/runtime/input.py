"""What a stage reads outside Faust: where it stopped, and messages that it should have been given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Message

from headwater import kafka
from headwater.digits import decimal
from headwater.errors import Permanent
from headwater.settings import Settings
from streams.runtime.assembler import Incoming, Start, log_position
from topics.chainlog.claims import LOOK_BACK, LogPosition, claim_in_force
from topics.chainlog.envelope import read_envelope
from topics.chainlog.headers import SOURCE_POSITION
from topics.chainlog.kinds import EventKind

_TAIL: Final = 16
_CHUNK: Final = 8


def incoming(message: Message) -> Incoming:
    """A librdkafka message as the assembler wants it."""
    return Incoming(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_octets(message.key()),
        value=_octets(message.value()),
        headers=tuple((str(each[0]), _octets(each[1]) or b"") for each in message.headers() or ()),
    )


def last_written(settings: Settings, topic: str, stream: str, partition: int) -> Start:
    """Where the writer of an internal topic stopped, from the topic's tail.

    Repeats of a paused writer may follow the last message, so the highest sequence of the last
    messages counts; an event whose last part is missing was not finished. Raises Transient when the
    broker does not answer.
    """
    reader = kafka.reader(settings, isolation="read_uncommitted")
    try:
        start = Start()
        for message in kafka.tail(reader, topic, _TAIL, partition):
            found = _start_after(incoming(message), stream)
            if found is not None and (start.last is None or (found.last or 0) > start.last):
                start = found
        return start
    finally:
        reader.close()


def _start_after(message: Incoming, stream: str) -> Start | None:
    """Where a reader goes on whose last word was this message; None when it was none of ours."""
    if message.value is None:
        return None
    try:
        envelope = read_envelope(message.value, stream)
    except Permanent:
        return None  # whoever reads the topic sends it to the dead letters
    if envelope.part != envelope.parts - 1:
        return Start(last=envelope.sequence - 1)
    position = decimal(dict(message.headers).get(SOURCE_POSITION))
    if position is None:
        return Start(last=envelope.sequence)
    if envelope.event is EventKind.CLAIM:
        return Start(envelope.sequence, position - 1, position)
    return Start(envelope.sequence, None if envelope.claim < 0 else envelope.claim, position)


def claim_at(settings: Settings, start: Start, stream: str, first: Incoming) -> int | None:
    """The claim in force where a reader of raw-blocks starts, given the first message it gets.

    What our own output says holds at `start.position`, and for reading that begins there or before it,
    since every CLAIM between is read again. Reading may also begin after it, behind a CLAIM that only
    fenced and left nothing in the output: then the messages before tell. None at the very start of the
    topic, a new one after a loss included.
    """
    reader = kafka.reader(settings, isolation="read_uncommitted")
    try:
        low, _ = kafka.watermarks(reader, first.topic, first.partition)
        if first.offset <= low:
            return None
        if start.claim is not None and start.position is not None and first.offset <= start.position:
            return start.claim
        before = max(low, first.offset - LOOK_BACK)
        messages = kafka.read_range(reader, first.topic, before, first.offset, first.partition)
        return claim_in_force(_positions([incoming(message) for message in messages], stream))
    finally:
        reader.close()


def _positions(messages: list[Incoming], stream: str) -> Iterator[LogPosition]:
    for message in messages:
        try:
            envelope = read_envelope(message.value or b"", stream)
        except Permanent:
            continue
        yield log_position(envelope, message.offset)


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
