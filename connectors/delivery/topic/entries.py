"""The ledger as the command line sees it: read whole, and asked for deliveries again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from connectors.delivery.queue.delivery import STREAM, Delivery, State, delivery_of, key_of
from connectors.delivery.topic.partition import partition_of
from headwater import kafka
from headwater.settings import Settings
from schemas import MalformedRecord, codec_for, frame
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.chainlog.headers import headers
from topics.partitions import partitions_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; None is not a condition. `id` is a delivery's, or an alert's, with or without 0x.

    `since` and `until` are milliseconds since 1970 and hold against the alert's publication.
    """

    id: str | None = None
    channel: str | None = None
    state: State | None = None
    since: int | None = None
    until: int | None = None

    def __call__(self, delivery: Delivery) -> bool:
        own = self.id is None or self.id.lower().removeprefix("0x") in (
            delivery.delivery_id,
            delivery.alert_id.hex(),
        )
        return (
            own
            and self.channel in (None, delivery.channel)
            and self.state in (None, delivery.state)
            and (self.since is None or delivery.published_at >= self.since)
            and (self.until is None or delivery.published_at < self.until)
        )


def read(settings: Settings, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
    """The latest entry of each delivery, by publication and version. Raises Transient or Fatal."""
    latest: dict[bytes, Delivery] = {}
    for entry in _entries(settings):
        known = latest.get(key_of(entry))
        if known is None or entry.rank >= known.rank:
            latest[key_of(entry)] = entry
    found = filter(wanted, latest.values())
    return sorted(found, key=lambda each: (each.published_at, each.version, each.channel))


def _entries(settings: Settings) -> Iterator[Delivery]:
    topic, reader = topic_name(settings, STREAM), Registry(settings).reader(STREAM)
    client = kafka.reader(settings)
    try:
        for partition in partitions_of(settings, client, topic):
            low, high = kafka.watermarks(client, topic, partition)
            for message in kafka.read_range(client, topic, low, high, partition):
                value = message.value()
                if value is None:
                    continue
                try:
                    yield delivery_of(reader.read(value))
                except (MalformedRecord, ValueError):
                    continue  # `headwater deliver` says which; here it would be in the way
    finally:
        client.close()


def again(delivery: Delivery, now: int) -> Delivery:
    """The entry that asks for a delivery again, under its id."""
    return replace(
        delivery,
        state=State.PENDING,
        attempts=0,
        replays=delivery.replays + 1,
        revision=delivery.revision + 1,
        queued_at=now,
        updated_at=now,
        not_before=None,
        problem=None,
        attempting_since=None,
        notification_id=None,
    )


def ask(settings: Settings, deliveries: Sequence[Delivery], now: int) -> None:
    """Queue deliveries again. Raises Transient or Fatal; what was acknowledged stays."""
    topic, codec = topic_name(settings, STREAM), codec_for(STREAM)
    head = frame(Registry(settings).id_for(STREAM))
    client = kafka.reader(settings)
    try:
        partitions = len(partitions_of(settings, client, topic))
    finally:
        client.close()
    messages = [
        kafka.Outgoing(
            key_of(each),
            head + codec.write(each.record()),
            tuple(headers(each.chain_id, each.version, stream=STREAM)),
            partition_of(each.channel, partitions),
        )
        for each in (again(delivery, now) for delivery in deliveries)
    ]
    kafka.publish(kafka.producer(settings), topic, messages)
