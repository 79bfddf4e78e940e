"""From `alerts` to the ledger: acknowledged in the transaction that writes its entries there."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from connectors.delivery.queue.delivery import STREAM, Delivery, key_of
from connectors.delivery.queue.routing import AlertPosition, route
from connectors.delivery.topic.channels import ChannelTopic
from connectors.delivery.topic.log_fields import ALERTS, STAGE
from connectors.delivery.topic.partition import partition_of
from connectors.delivery.topic.standing import Standing
from connectors.delivery.topic.transactions import Moved, Transactions
from headwater import clock, kafka
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.heartbeat import beat
from headwater.lateness import ReportedLag
from headwater.logging import about, get_logger
from headwater.metrics.consumers import DEAD_LETTERS, DEAD_LETTERS_LAST
from headwater.metrics.delivery import DELIVERY_UNKNOWN, DELIVERY_UNKNOWN_LAST
from headwater.metrics.last import count
from headwater.reading import Reading
from headwater.retry import Retry, Stopped
from headwater.settings import Settings
from headwater.standstill import standstill
from schemas import MalformedRecord, codec_for, frame
from schemas.naming import name_of
from schemas.registry import Registry
from topics import dead_letters
from topics.catalog import topic_name
from topics.chainlog.headers import headers
from topics.chainlog.log_fields import message_fields
from topics.groups import DELIVER
from topics.partitions import partitions_of

GROUP: Final = DELIVER
_MESSAGES: Final = 500
_WAIT_SECONDS: Final = 0.2
_REPORT_SECONDS: Final = 1.0
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
        self._transactions = Transactions(GROUP, stop)
        self._producers: dict[int, Producer] = {}
        self._lag = ReportedLag(self._chain, GROUP)
        self._retry = Retry(stop=stop, on_failure=self._waits, on_recovery=self._recovered)
        self._unknown: set[str] = set()

    def run(self) -> None:
        """Until `stop` is set. Raises Fatal."""
        try:
            while not self._stop.is_set():
                try:
                    self._be_member()
                except Moved as error:
                    _log.info("joining the group again", reason=str(error))
        except Stopped:
            pass  # what was not acknowledged is read again by whoever comes next
        finally:
            self._channels.close()

    def _be_member(self) -> None:
        self._consumer = kafka.consumer(
            self._settings,
            name_of(self._settings, GROUP),
            options={"fetch.wait.max.ms": 20, "enable.partition.eof": True},
        )
        self._consumer.subscribe(
            [self._alerts], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        standing = self._standing = Standing(ALERTS)
        self._positions: dict[int, int] = {}
        still = standstill(self._settings, ALERTS, name_of(self._settings, GROUP))
        still.start()
        reading = Reading(self._lag, still)
        reported = float("-inf")
        try:
            while not self._stop.is_set():
                beat()
                standing.owns(self._producers, unread=())
                by_partition: dict[int, list[Message]] = {}
                received, end_offsets = self._receive()
                for message in received:
                    by_partition.setdefault(int(message.partition() or 0), []).append(message)
                for partition, messages in by_partition.items():
                    # Gone within the same call: whoever has it now reads them.
                    if partition in self._producers:
                        with about(partial(message_fields, STAGE, messages[0], len(messages))):
                            self._route(partition, messages)
                # Behind the last message there are only the marks of transactions.
                for each, end in end_offsets.items():
                    if each in self._producers:  # told before the last messages were, maybe
                        self._positions[each] = max(end, self._positions.get(each, 0))
                if time.monotonic() - reported >= _REPORT_SECONDS:
                    reported = time.monotonic()
                    reading.look(self._end_offsets(), self._finished(), busy=False)
        finally:
            still.end()
            self._consumer.close()
            for producer in self._producers.values():
                producer.purge()
            self._producers.clear()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._lag.rebalanced()
        self._standing.answered()
        self._standing.owns(self._producers, unread=[each.partition for each in partitions])
        for each in partitions:
            producer = kafka.producer(
                self._settings,
                transactional_id=f"{name_of(self._settings, GROUP)}.{each.partition}",
                options={"linger.ms": 0},
            )
            # Before the offset is looked up: an earlier owner's open transaction would hold it back.
            self._transactions.begin(producer)
            self._producers[each.partition] = producer
        consumer.incremental_assign(partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            self._positions.pop(each.partition, None)
            if (producer := self._producers.pop(each.partition, None)) is not None:
                producer.purge()
        consumer.incremental_unassign(partitions)

    def _end_offsets(self) -> dict[tuple[str, int], int | None]:
        """Of each partition that is owned, the end as of the last fetch."""
        found: dict[tuple[str, int], int | None] = {}
        for partition in self._producers:
            own = TopicPartition(self._alerts, partition)
            marks = self._consumer.get_watermark_offsets(own, cached=True)
            found[self._alerts, partition] = int(marks[1]) if marks is not None and marks[1] >= 0 else None
        return found

    def _finished(self) -> dict[tuple[str, int], int]:
        """Of each that gave something or ended since it was assigned: the offset below which all is done."""
        return {(self._alerts, partition): end for partition, end in self._positions.items()}

    def _receive(self) -> tuple[list[Message], dict[int, int]]:
        """Messages, and where partitions end whose end was reached."""
        received, end_offsets = [], {}
        messages = self._consumer.consume(1, _WAIT_SECONDS)
        # What librdkafka has fetched already: an alert does not wait for others that may come.
        messages += self._consumer.consume(_MESSAGES, 0) if messages else []
        for message in messages:
            error = message.error()
            if error is None:
                received.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                end_offsets[int(message.partition() or 0)] = int(message.offset() or 0)
            elif kafka.ends_reading(error):
                raise Fatal(f"cannot read {self._alerts}: {error}", remedy="check the topic and its ACLs")
            else:
                _log.warning("kafka", topic=self._alerts, error=str(error))
        return received, end_offsets

    def _route(self, partition: int, messages: Sequence[Message]) -> None:
        """Entries for all channels of all messages, and their acknowledgement. Raises Moved or Fatal."""
        first = messages[0]
        self._lag.counted(self._alerts, len(messages))
        self._lag.received(self._alerts, partition, int(first.offset() or 0), first.timestamp()[1])
        # Up to the topic's end now: a channel that was applied before an alert was published is known.
        channels = self._retry(self._channels.refresh)
        since = {each.id: each.since for each in channels.values()}
        outgoing: list[tuple[str, kafka.Outgoing]] = []
        now = clock.now_ms()
        for message in messages:
            position = AlertPosition(partition, int(message.offset() or 0), message.timestamp()[1])
            value = message.value()
            if value is None:
                continue
            try:
                record = self._retry(lambda read=value: self._reader.read(read))  # type: ignore[misc]
                routed = route(record, position, since, now)
            except MalformedRecord as error:
                outgoing.append((self._letters, self._letter(message, position, error)))
                continue
            outgoing += [(self._ledger, self._entry(each)) for each in routed.deliveries]
            for channel in routed.unknown:
                self._note_unknown(channel, message)
        end = TopicPartition(self._alerts, partition, int(messages[-1].offset() or 0) + 1)
        producer = self._producers[partition]

        def produce() -> None:
            for topic, each in outgoing:
                producer.produce(
                    topic, each.value, each.key, partition=each.partition, headers=list(each.headers)
                )
            self._transactions.offsets(producer, [end], self._consumer)

        self._transactions.run(producer, produce)
        self._positions[partition] = end.offset

    def _entry(self, delivery: Delivery) -> kafka.Outgoing:
        return kafka.Outgoing(
            key_of(delivery),
            self._frame + self._codec.write(delivery.record()),
            tuple(headers(delivery.chain_id, delivery.version, stream=STREAM)),
            partition_of(delivery.channel, self._partitions),
        )

    def _letter(self, message: Message, position: AlertPosition, error: MalformedRecord) -> kafka.Outgoing:
        with about(partial(message_fields, STAGE, message)):
            _log.error("alert sent to the dead letters", error=str(error))
        count(DEAD_LETTERS, DEAD_LETTERS_LAST, self._chain, STAGE, type(error).__name__)
        given = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        own = [(name, value or b"") for name, value in given]
        added = dead_letters.error_headers(self._alerts, position.partition, position.offset, STAGE, error)
        return kafka.Outgoing(message.key() or b"", message.value(), (*own, *added))

    def _note_unknown(self, channel: str, message: Message) -> None:
        count(DELIVERY_UNKNOWN, DELIVERY_UNKNOWN_LAST, self._chain, channel)
        if channel not in self._unknown:
            self._unknown.add(channel)
            with about(partial(message_fields, STAGE, message)):
                _log.warning("alert for a channel that nobody has applied", channel=channel)

    def _waits(self, error: Transient, seconds: float) -> None:
        _log.warning("retrying", seconds=round(seconds, 2), error=str(error))
        HEALTH.report("kafka", False, str(error))

    def _recovered(self) -> None:
        HEALTH.report("kafka", True)
