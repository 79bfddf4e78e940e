"""The one place that makes Kafka producers, consumers and admin clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from headwater.kafka.rejections import ErrorCallback
from headwater.settings import Settings

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
HEADER_BYTES: Final = 1024 * 1024
"""Room for the headers of a dead letter, whose value may be the largest message."""

Option = str | int | float | bool


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
        "message.max.bytes": MAX_MESSAGE_BYTES + HEADER_BYTES,
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
        # A full queue is looked at again after so long. By default a second, in which it has run empty.
        "fetch.queue.backoff.ms": 20,
        "session.timeout.ms": settings.kafka.session_timeout_ms,
        "partition.assignment.strategy": "cooperative-sticky",
    }
    return Consumer(config | dict(options or {}))


def admin(settings: Settings) -> AdminClient:
    """An admin client.

    Keep it in a variable while a future of it is awaited: a client that nothing refers to is
    destroyed at once, and then its futures may never have a result, whatever their time-out.
    """
    return AdminClient(_base(settings))


def reader(
    settings: Settings,
    *,
    isolation: str = "read_committed",
    options: Mapping[str, Option] | None = None,
) -> Consumer:
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
            **(options or {}),
        },
    )
