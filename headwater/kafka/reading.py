"""Reading given offsets of a partition, outside any group."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headwater.errors import Fatal, Transient
from headwater.heartbeat import beat
from headwater.kafka.codes import UNREADABLE
from headwater.kafka.reach import ask
from headwater.kafka.rejections import plain_words


def watermarks(client: Consumer, topic: str, partition: int = 0, *, timeout: float = 10.0) -> tuple[int, int]:
    """First offset kept and offset after the last one, of a client that has nothing assigned.

    Raises Transient when the broker does not answer, Fatal when it rejects us.
    """
    place = TopicPartition(topic, partition)
    try:
        low, high = ask(
            client,
            lambda seconds: client.get_watermark_offsets(place, timeout=seconds, cached=False),
            timeout=timeout,
        )
    except KafkaException as error:
        raise Transient(
            f"cannot read the offsets of {topic}[{partition}]: {plain_words(error.args[0])}",
            remedy="see that Kafka runs, and that kafka.bootstrap_servers names it",
        ) from error
    return int(low), int(high)


def read_range(
    client: Consumer, topic: str, start: int, end: int, partition: int = 0, *, timeout: float = 30.0
) -> Iterator[Message]:
    """Messages of one partition with start <= offset < end (control records and compacted ones are skipped).

    Raises Transient when the broker does not deliver within `timeout` seconds a message, Fatal when
    the range starts below what the topic still holds or the broker rejects us.
    """
    if start >= end:
        return
    client.assign([TopicPartition(topic, partition, start)])
    try:
        while True:
            message = client.poll(timeout)
            if message is None:
                raise Transient(f"{topic}[{partition}] gave nothing for {timeout:.0f} s below offset {end}")
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return
                if error.code() in UNREADABLE:
                    raise Fatal(f"{topic}[{partition}] no longer holds offset {start}: {error}")
                raise Transient(f"cannot read {topic}[{partition}]: {error}")
            offset = message.offset()
            if offset is None or offset >= end:
                return
            beat()
            yield message
            if offset + 1 >= end:
                return
    finally:
        client.unassign()


def latest(client: Consumer, topic: str) -> dict[str, Message]:
    """The last message of each key of a topic with one partition, without the keys that end in a tombstone.

    Raises as `watermarks` and `read_range` do.
    """
    low, high = watermarks(client, topic)
    found: dict[str, Message] = {}
    for message in read_range(client, topic, low, high):
        key = message.key() or ""
        text = key.decode(errors="replace") if isinstance(key, bytes) else key
        if message.value() is None:
            found.pop(text, None)
        else:
            found[text] = message
    return found


def tail(client: Consumer, topic: str, count: int, partition: int = 0) -> list[Message]:
    """The last messages of a partition: those whose offset is among the last `count`, oldest first."""
    low, high = watermarks(client, topic, partition)
    return list(read_range(client, topic, max(low, high - count), high, partition))
