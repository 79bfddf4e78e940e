"""Any topic's messages, decoded for people and scripts: whatever schema version, malformed bytes included."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from typing import Final

import orjson
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    KafkaError,
    Message,
    TopicPartition,
)

from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.settings import Settings
from schemas import Codec, MalformedRecord, Schema
from schemas.codec.model import Record, parse
from schemas.jsonable import to_json
from schemas.wire import HEADER_SIZE, MAGIC
from topics.catalog import TOPICS, topic_name
from topics.partitions import partitions_of

_POLL_SECONDS: Final = 0.2
_ANSWERS: Final = ("block", "receipts", "traces")
"""Fields that hold a node's answers as JSON bytes, in records that have an `event`."""


class Decoder:
    """Messages → JSON objects. A value is decoded with the schema that its frame names."""

    def __init__(self, schema_of_id: Callable[[int], Schema | None]) -> None:
        self._schema_of_id = schema_of_id
        self._codecs: dict[int, Codec | None] = {}

    def line(self, message: Message) -> dict[str, object]:
        """The message as one JSON object; a value that cannot be decoded as `value_hex` and `problem`.

        Raises Transient when the registry does not answer.
        """
        kind, timestamp = message.timestamp()
        found: dict[str, object] = {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": timestamp if kind else None,
            "key": _text(message.key()),
            "headers": {name: _text(value) for name, value in dict(message.headers() or ()).items()},
        }
        return found | self._value(message.value())

    def _value(self, value: bytes | None) -> dict[str, object]:
        if value is None:
            return {"value": None}
        framed = len(value) >= HEADER_SIZE and value[0] == MAGIC
        codec = self._codec(int.from_bytes(value[1:HEADER_SIZE], "big")) if framed else None
        if codec is None:
            return {"value_hex": f"0x{value.hex()}", "problem": "no frame of a known schema"}
        try:
            record = codec.read(value, HEADER_SIZE)
        except MalformedRecord as error:
            return {"value_hex": f"0x{value.hex()}", "problem": str(error)}
        if "event" in record:
            record |= {
                name: _answer(answer) for name in _ANSWERS if isinstance(answer := record.get(name), bytes)
            }
        return {"value": to_json(record)}

    def _codec(self, schema_id: int) -> Codec | None:
        if schema_id not in self._codecs:
            schema = self._schema_of_id(schema_id)
            root = None if schema is None else parse(schema)[0]
            name = root.name.rpartition(".")[2] if isinstance(root, Record) else ""
            self._codecs[schema_id] = Codec(name, root) if isinstance(root, Record) else None
        return self._codecs[schema_id]


def dump(line: object) -> str:
    """One line of JSON. Numbers keep all their digits."""
    return orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS).decode()


def shorten(value: object, longest: int) -> object:
    """The same with long texts cut, for a screen."""
    match value:
        case str() if len(value) > longest:
            return f"{value[:longest]}… ({len(value)} characters)"
        case dict():
            return {key: shorten(each, longest) for key, each in value.items()}
        case list():
            return [shorten(each, longest) for each in value]
        case _:
            return value


def resolve(settings: Settings, name: str) -> str:
    """The topic that a stream's name or a whole topic's name means. Raises Fatal naming the streams."""
    streams = [entry.stream for entry in TOPICS]
    if name in streams:
        return topic_name(settings, name)
    if "." in name or "-changelog" in name:
        return name
    raise Fatal(f"unknown stream {name}", remedy=f"a whole topic's name, or one of {', '.join(streams)}")


def follow(
    settings: Settings, topic: str, *, from_beginning: bool, forever: bool, idle: Callable[[], bool]
) -> Generator[Message, None, None]:
    """Committed messages of all partitions, from the beginning or from now on.

    Without `forever` it ends where the topic ends now. `idle` is called when nothing came for a moment;
    it stops the iteration by answering True. Raises Fatal when there is no such topic or the brokers
    reject us, Transient when they do not answer.
    """
    consumer = kafka.consumer(
        settings, f"headwater-tail-{uuid.uuid4().hex}", options={"enable.partition.eof": True}
    )
    try:
        partitions = partitions_of(settings, consumer, topic)
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        consumer.assign([TopicPartition(topic, each, start) for each in partitions])
        ended: set[int] = set()
        while forever or len(ended) < len(partitions):
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                if idle():
                    return
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition() or 0)
            else:
                raise Transient(f"cannot read {topic}: {error.str()}")
    finally:
        consumer.close()


def _text(value: bytes | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def _answer(value: bytes) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return _text(value)
