"""A consumer of the public topics that follows the rules of `docs/topics.md` and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from headwater.kafka import reader
from headwater.settings import Settings
from schemas import codec_for
from topics.catalog import spec, topic_name

HEADER_BYTES = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """One message as it lies on the topic."""

    key: bytes
    record: dict[str, Any]


def messages(settings: Settings, stream: str) -> list[Seen]:
    """All committed messages of a stream, each partition in its order."""
    topic = topic_name(settings, stream)
    codec = codec_for(stream)
    client = reader(settings)
    partitions = [TopicPartition(topic, index, 0) for index in range(spec(stream).partitions)]
    client.assign(partitions)
    left = {partition.partition for partition in partitions}
    found: list[Seen] = []
    try:
        while left:
            message = client.poll(30)
            assert message is not None, f"{topic} gave nothing for 30 s"
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, str(error)
                left.discard(message.partition() or 0)
                continue
            value, key = message.value(), message.key()
            assert value is not None
            assert key is not None
            found.append(Seen(key, codec.read(value, HEADER_BYTES)))
    finally:
        client.close()
    return found


def apply(seen: list[Seen]) -> dict[bytes, Seen]:
    """The highest sequence of each event_id, retracted records left out: what a consumer ends with."""
    kept: dict[bytes, Seen] = {}
    for item in seen:
        identity = item.record["event_id"]
        if identity not in kept or item.record["sequence"] > kept[identity].record["sequence"]:
            kept[identity] = item
    return {identity: item for identity, item in kept.items() if not item.record["removed"]}
