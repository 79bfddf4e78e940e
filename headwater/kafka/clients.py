"""The one place that makes Kafka producers, consumers and admin clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from headwater.errors import Fatal, Transient
from headwater.kafka.rejections import ErrorCallback, plain_words
from headwater.settings import Settings

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
# When to look whether the brokers turned us away: after a login nearby, and after one far off.
_LOOK_SECONDS: Final = (0.5, 1.5)
_STEP_SECONDS: Final = 0.1
_SILENCE: Final = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)

Option = str | int | float | bool
T = TypeVar("T")


def _base(settings: Settings) -> dict[str, Option]:
    return {
        "bootstrap.servers": settings.kafka.bootstrap_servers,
        "client.id": settings.client_id,
        "error_cb": ErrorCallback(settings.kafka),  # type: ignore[dict-item]
        # What goes wrong comes through error_cb, in our form; librdkafka would say it again in its own.
        "log_level": 2,
        **settings.kafka.client_options(),
    }


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


def ask(client: AdminClient | Consumer | Producer, call: Callable[[float], T], *, timeout: float) -> T:
    """What a call of the client's answers, a call that takes a time-out in seconds.

    Raises KafkaException as the call does, Fatal when the brokers turned us away meanwhile: librdkafka
    serves no callback while it waits for an answer, so the call is broken off now and then to hear of it.
    A consumer may have nothing assigned.
    """
    for seconds in _LOOK_SECONDS:
        if seconds >= timeout:
            break
        try:
            return call(seconds)
        except KafkaException as error:
            client.poll(0)
            if error.args[0].code() not in _SILENCE:
                raise
        timeout -= seconds
    try:
        return call(timeout)
    except KafkaException:
        client.poll(0)
        raise


def reach(settings: Settings, *, timeout: float) -> None:
    """Ask all brokers for something. Raises Fatal when one turns us away, Transient when none answers.

    `timeout` is seconds for the first answer, and then for all.
    """
    client = admin(settings)
    try:
        ask(client, lambda seconds: client.list_topics(timeout=seconds), timeout=timeout)
    except KafkaException as error:
        raise away(settings, error.args[0]) from error
    # Each is asked by the name that it gives itself: a certificate may fit the bootstrap address only.
    groups = client.list_consumer_groups(request_timeout=timeout)
    while not groups.done():
        client.poll(_STEP_SECONDS)


def away(settings: Settings, reason: KafkaError) -> Transient:
    """What to raise when no broker answers, or none in a language that we speak."""
    return Transient(
        f"Kafka {settings.kafka.bootstrap_servers} does not answer: {plain_words(reason)}",
        remedy="see that it runs; check HEADWATER_KAFKA__BOOTSTRAP_SERVERS and "
        "HEADWATER_KAFKA__SECURITY_PROTOCOL",
    )


def watermarks(client: Consumer, topic: str, partition: int = 0, *, timeout: float = 10.0) -> tuple[int, int]:
    """First offset kept and offset after the last one, of a client that has nothing assigned.

    Raises Transient when the broker does not answer, Fatal when it turns us away.
    """
    place = TopicPartition(topic, partition)
    try:
        low, high = ask(
            client,
            lambda seconds: client.get_watermark_offsets(place, timeout=seconds, cached=False),
            timeout=timeout,
        )
    except KafkaException as error:
        raise Transient(f"cannot read the offsets of {topic}[{partition}]: {error}") from error
    return int(low), int(high)


def read_range(
    client: Consumer, topic: str, start: int, end: int, partition: int = 0, *, timeout: float = 30.0
) -> Iterator[Message]:
    """Messages of one partition with start <= offset < end (control records and compacted ones are skipped).

    Raises Transient when the broker does not deliver within `timeout` seconds a message, Fatal when
    the range starts below what the topic still holds or the broker turns us away.
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
