"""The one place that makes Kafka producers, consumers and admin clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from headwater.errors import Fatal, Transient
from headwater.logging import get_logger
from headwater.settings import Settings

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
_log = get_logger("headwater.kafka")

Option = str | int | float | bool


def _base(settings: Settings) -> dict[str, Option]:
    return {
        "bootstrap.servers": settings.kafka.bootstrap_servers,
        "client.id": settings.client_id,
        "error_cb": _on_error,  # type: ignore[dict-item]
        # What goes wrong comes through error_cb, in our form; librdkafka would say it again in its own.
        "log_level": 2,
        **settings.kafka.client_options(),
    }


def _on_error(error: KafkaError) -> None:
    # librdkafka reconnects by itself; only a person needs to know.
    _log.warning("kafka", error=str(error), fatal=error.fatal(), retriable=error.retriable())


def producer(
    settings: Settings, *, transactional_id: str | None = None, options: Mapping[str, Option] | None = None
) -> Producer:
    """An idempotent producer (acks=all); with `transactional_id` a transactional one, not yet initialised.

    Partitions with murmur2 as the Java client and Faust do: with another partitioner joins and
    routing break silently.
    """
    config: dict[str, Option] = _base(settings) | {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": settings.kafka.compression,
        # zstd's own default, 3, takes half as much CPU again on blocks and saves no byte of them.
        "compression.level": 1,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 262_144,
        "delivery.timeout.ms": 120_000,
    }
    if transactional_id is not None:
        config["transactional.id"] = transactional_id
        config["transaction.timeout.ms"] = 60_000
        config["delivery.timeout.ms"] = 60_000
    return Producer(config | dict(options or {}))


def consumer(settings: Settings, group: str, *, options: Mapping[str, Option] | None = None) -> Consumer:
    """A consumer of committed records that commits by hand and starts at the earliest offset."""
    config: dict[str, Option] = _base(settings) | {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.message.max.bytes": MAX_MESSAGE_BYTES,
        "receive.message.max.bytes": 4 * MAX_MESSAGE_BYTES,
        "queued.max.messages.kbytes": 65_536,
        "session.timeout.ms": settings.kafka.session_timeout_ms,
        "partition.assignment.strategy": "cooperative-sticky",
    }
    return Consumer(config | dict(options or {}))


def admin(settings: Settings) -> AdminClient:
    """An admin client."""
    return AdminClient(_base(settings))


def reader(settings: Settings, *, isolation: str = "read_committed") -> Consumer:
    """A consumer outside any group, for reading given offsets: it never commits."""
    return consumer(
        settings,
        f"{settings.client_id}-reader",
        options={
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            # A fetch that waits at the end of the log holds up the next range: half a second by default.
            "fetch.wait.max.ms": 10,
        },
    )


def watermarks(client: Consumer, topic: str, partition: int = 0, *, timeout: float = 10.0) -> tuple[int, int]:
    """First offset kept and offset after the last one. Raises Transient when the broker does not answer."""
    try:
        low, high = client.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=timeout, cached=False
        )
    except KafkaException as error:
        raise Transient(f"cannot read the offsets of {topic}[{partition}]: {error}") from error
    return int(low), int(high)


def read_range(
    client: Consumer, topic: str, start: int, end: int, partition: int = 0, *, timeout: float = 30.0
) -> Iterator[Message]:
    """Messages of one partition with start <= offset < end (control records and compacted ones are skipped).

    Raises Transient when the broker does not deliver within `timeout` seconds a message, Fatal when
    the range starts below what the topic still holds.
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
                if error.code() in (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET):
                    raise Fatal(f"{topic}[{partition}] no longer holds offset {start}: {error}")
                raise Transient(f"cannot read {topic}[{partition}]: {error}")
            offset = message.offset()
            if offset is None or offset >= end:
                return
            yield message
            if offset + 1 >= end:
                return
    finally:
        client.unassign()


def tail(client: Consumer, topic: str, count: int, partition: int = 0) -> list[Message]:
    """The last messages of a partition: those whose offset is among the last `count`, oldest first."""
    low, high = watermarks(client, topic, partition)
    return list(read_range(client, topic, max(low, high - count), high, partition))
