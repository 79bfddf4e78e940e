"""What stands in a topic now, read once and outside any group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from headwater import kafka
from headwater.errors import Transient
from headwater.logging import about, get_logger
from headwater.settings import Settings
from schemas import MalformedRecord, StreamReader
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.chainlog.log_fields import message_fields
from topics.partitions import partitions_of

T = TypeVar("T")
_SECONDS: Final = 10.0
_log = get_logger("headwater.repair")


def read_topic(settings: Settings, stream: str, *, since_ms: int | None = None) -> Iterator[Message]:
    """A stream's messages up to its present end, from its beginning or from a time of the broker's on.

    Raises Fatal when there is no such topic or the brokers reject us, Transient when they do not answer.
    """
    topic = topic_name(settings, stream)
    client = kafka.reader(settings)
    try:
        for partition in partitions_of(settings, client, topic):
            low, high = kafka.watermarks(client, topic, partition)
            if since_ms is not None:
                low = max(low, _offset_at(client, topic, partition, since_ms, high))
            yield from kafka.read_range(client, topic, low, high, partition)
    finally:
        client.close()


def read_records(
    settings: Settings, stream: str, decoded: Callable[[Mapping[str, Any]], T], *, since_ms: int | None = None
) -> Iterator[tuple[int, T]]:
    """A stream's records with the broker's time in milliseconds; what is not a record is logged and skipped.

    Raises as `read_topic`, and Transient when the registry does not answer.
    """
    reader = Registry(settings).reader(stream)
    for message in read_topic(settings, stream, since_ms=since_ms):
        record = record_of(reader, message)
        if record is not None:
            yield message.timestamp()[1], decoded(record)


def record_of(reader: StreamReader, message: Message) -> Mapping[str, Any] | None:
    """The record of a message, None for a tombstone, and for what is not a record: that is logged.

    Raises Transient when the registry does not answer.
    """
    value = message.value()
    try:
        return None if value is None else reader.read(value)
    except MalformedRecord as error:
        with about(partial(message_fields, "replay", message)):
            _log.warning("not a record", error=str(error))
        return None


def _offset_at(client: Consumer, topic: str, partition: int, time_ms: int, end: int) -> int:
    """The first offset written at that time or later, `end` when there is none."""
    try:
        (found,) = client.offsets_for_times([TopicPartition(topic, partition, time_ms)], timeout=_SECONDS)
    except KafkaException as error:
        raise Transient(f"cannot look up a time in {topic}[{partition}]: {error}") from error
    return int(found.offset) if found.offset >= 0 else end
