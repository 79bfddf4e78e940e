"""From `alerts` to the ledger: acknowledged once an entry for each channel stands there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.delivery.queue.delivery import STREAM, Delivery, key_of
from connectors.delivery.queue.routing import Place, route
from connectors.delivery.topic.channels import ChannelTopic
from connectors.delivery.topic.partition import partition_of
from connectors.delivery.topic.publish import Outgoing, publish
from headwater import clock, kafka
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.metrics.consumers import CONSUMER_LAG, DEAD_LETTERS
from headwater.metrics.delivery import DELIVERY_UNKNOWN
from headwater.retry import Retry, Stopped
from headwater.settings import Settings
from schemas import MalformedRecord, codec_for, frame
from schemas.naming import name_of
from schemas.registry import Registry
from topics import dead_letters
from topics.catalog import topic_name
from topics.chainlog.headers import headers
from topics.partitions import partitions_of

GROUP: Final = "deliver"
ALERTS: Final = "alerts"
_MESSAGES: Final = 500
_WAIT_SECONDS: Final = 0.2
_log = get_logger("connectors.delivery")


class Router:
    """A member of the group that reads alerts. For a thread of its own; `failure` says why it ended."""

    def __init__(self, settings: Settings, registry: Registry, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._chain = settings.chain.name
        self._alerts, self._ledger = topic_name(settings, ALERTS), topic_name(settings, STREAM)
        self._letters = topic_name(settings, dead_letters.STREAM)
        self._reader = registry.reader(ALERTS)
        self._codec, self._frame = codec_for(STREAM), frame(registry.id_for(STREAM))
        self._channels = ChannelTopic(settings, registry)
        client = kafka.reader(settings)
        try:
            self._partitions = len(partitions_of(settings, client, self._ledger))
        finally:
            client.close()
        self._consumer: Consumer = kafka.consumer(
            settings, name_of(settings, GROUP), options={"fetch.wait.max.ms": 20}
        )
        self._producer: Producer = kafka.producer(settings, options={"linger.ms": 0})
        self._retry = Retry(stop=stop, on_failure=self._waits, on_recovery=self._recovered)
        self._unknown: set[str] = set()

    def run(self) -> None:
        """Until `stop` is set. Raises Fatal."""
        self._consumer.subscribe([self._alerts])
        HEALTH.report("alerts", True)
        try:
            while not self._stop.is_set():
                messages = self._receive()
                if messages:
                    self._retry(lambda read=messages: self._route(read))  # type: ignore[misc]
                    self._commit(messages)
        except Stopped:
            pass  # what was not acknowledged is read again by whoever comes next
        finally:
            self._consumer.close()
            self._channels.close()

    def _receive(self) -> list[Message]:
        received = []
        for message in self._consumer.consume(_MESSAGES, _WAIT_SECONDS):
            error = message.error()
            if error is None:
                received.append(message)
            elif error.fatal() or error.code() in (
                KafkaError.TOPIC_AUTHORIZATION_FAILED,
                KafkaError.GROUP_AUTHORIZATION_FAILED,
            ):
                raise Fatal(f"cannot read {self._alerts}: {error}", remedy="check the topic and its ACLs")
            else:
                _log.warning("kafka", topic=self._alerts, error=str(error))
        return received

    def _route(self, messages: Sequence[Message]) -> None:
        """Entries for all channels of all messages, acknowledged. Raises Transient."""
        # Up to the topic's end now: a channel that was applied before an alert was published is known.
        since = {each.id: each.since for each in self._channels.refresh().values()}
        deliveries: list[Delivery] = []
        bad: list[Outgoing] = []
        now = clock.now_ms()
        for message in messages:
            place = Place(int(message.partition() or 0), int(message.offset() or 0), message.timestamp()[1])
            value = message.value()
            if value is None:
                continue
            try:
                routed = route(self._reader.read(value), place, since, now)
            except MalformedRecord as error:
                bad.append(self._letter(message, place, error))
                continue
            deliveries += routed.deliveries
            for channel in routed.unknown:
                self._note_unknown(channel)
        publish(self._producer, self._ledger, [self._entry(each) for each in deliveries])
        publish(self._producer, self._letters, bad)

    def _entry(self, delivery: Delivery) -> Outgoing:
        return Outgoing(
            key_of(delivery),
            self._frame + self._codec.write(delivery.record()),
            tuple(headers(delivery.chain_id, delivery.version, stream=STREAM)),
            partition_of(delivery.channel, self._partitions),
        )

    def _letter(self, message: Message, place: Place, error: MalformedRecord) -> Outgoing:
        _log.error("alert sent to the dead letters", offset=place.offset, error=str(error))
        DEAD_LETTERS.labels(self._chain, GROUP, type(error).__name__).inc()
        given = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        own = [(name, value or b"") for name, value in given]
        told = dead_letters.error_headers(self._alerts, place.partition, place.offset, GROUP, error)
        return Outgoing(message.key() or b"", message.value(), (*own, *told))

    def _note_unknown(self, channel: str) -> None:
        DELIVERY_UNKNOWN.labels(self._chain, channel).inc()
        if channel not in self._unknown:
            self._unknown.add(channel)
            _log.warning("alert for a channel that nobody has applied", channel=channel)

    def _commit(self, messages: Sequence[Message]) -> None:
        ends: dict[int, int] = {}
        for message in messages:
            ends[int(message.partition() or 0)] = int(message.offset() or 0) + 1
        places = [TopicPartition(self._alerts, partition, end) for partition, end in ends.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            # Read again by the next owner; the ledger's owner knows entries that come twice.
            _log.warning("cannot commit", topic=self._alerts, error=str(error))
        for place in places:
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            lag = CONSUMER_LAG.labels(self._chain, GROUP, self._alerts, str(place.partition))
            lag.set(max(0, int(high) - place.offset))

    def _waits(self, error: Transient, seconds: float) -> None:
        _log.warning("retrying", seconds=round(seconds, 2), error=str(error))
        HEALTH.report("alerts", False, str(error))

    def _recovered(self) -> None:
        HEALTH.report("alerts", True)
