"""The partitions of the ledger that this process owns: the consumer group decides, transactions fence.

No offset is committed: whoever takes a partition over reads all of it. An earlier owner that only seems to be
dead can write nothing more, and so begins no attempt more, once this one has begun to read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from connectors.delivery.queue.delivery import STREAM, Delivery, delivery_of, key_of
from connectors.delivery.topic.log_fields import STAGE
from connectors.delivery.topic.standing import Standing
from connectors.delivery.topic.transactions import Transactions
from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.logging import about, get_logger
from headwater.metrics.consumers import CONSUMER_MESSAGES, CONSUMER_REBALANCES
from headwater.retry import Retry
from headwater.settings import Settings
from headwater.standstill import standstill
from schemas import MalformedRecord, codec_for, frame
from schemas.naming import name_of
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.chainlog.headers import headers
from topics.chainlog.log_fields import message_fields

GROUP: Final = "deliver-channels"
OnRevoke = Callable[[Set[int]], None]
"""Told of partitions that were read and go to another owner, before they do; it must not raise."""
_MESSAGES: Final = 500
_LOOK_SECONDS: Final = 1.0
_log = get_logger("connectors.delivery")


@dataclass(slots=True)
class Read:
    """What one call gave: entries in the order of their partitions, and partitions that went away before."""

    entries: list[tuple[int, Delivery]] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)


class Ledger(Protocol):
    """The ledger as its owner sees it. Of one thread."""

    def read(self, seconds: float, on_revoke: OnRevoke = lambda partitions: None) -> Read:
        """Wait up to `seconds` for an entry and take all that is there. Raises Fatal or Stopped.

        `on_revoke` is called within, while nobody else has what it is told of yet, but for a member that was
        believed dead.
        """

    def ready(self) -> set[int]:
        """Partitions that are owned and read to the end that they had when they were taken over."""

    def write(self, partition: int, entries: Sequence[Delivery]) -> None:
        """Append entries, all or none. Raises Fatal when another process owns the partition, or Stopped."""

    def close(self) -> None:
        """Give everything back."""


class KafkaLedger:
    """`Ledger` on the topic."""

    def __init__(self, settings: Settings, registry: Registry, stop: threading.Event) -> None:
        self._settings = settings
        self._transactions = Transactions(GROUP, stop)
        # Within a read: an entry that was received and not given to the caller would be lost to this owner.
        self._retry = Retry(stop=stop, on_failure=_waits, on_recovery=lambda: HEALTH.report("kafka", True))
        self._topic = topic_name(settings, STREAM)
        self._reader = registry.reader(STREAM)
        self._codec, self._frame = codec_for(STREAM), frame(registry.id_for(STREAM))
        self._producers: dict[int, Producer] = {}
        self._end_offsets: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        self._still = standstill(settings, STREAM, None)
        self._looked = float("-inf")
        self._ready: set[int] = set()
        self._standing = Standing("ledger")
        self._gained: set[int] = set()
        self._gone: set[int] = set()
        self._on_revoke: OnRevoke = lambda partitions: None
        self._consumer = kafka.consumer(
            settings,
            name_of(settings, GROUP),
            options={"enable.partition.eof": True, "fetch.wait.max.ms": 20},
        )
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def read(self, seconds: float, on_revoke: OnRevoke = lambda partitions: None) -> Read:
        read, self._on_revoke = Read(), on_revoke
        messages = self._consumer.consume(1, seconds)
        # What librdkafka has fetched already: no waiting for more.
        messages += self._consumer.consume(_MESSAGES, 0) if messages else []
        CONSUMER_MESSAGES.labels(self._settings.chain.name, GROUP, self._topic).inc(
            sum(each.error() is None for each in messages)
        )
        for message in messages:
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            error = message.error()
            if error is not None:
                self._note(partition, offset, error)
            elif partition in self._end_offsets:
                self._positions[partition] = offset + 1
                if (entry := self._entry(message)) is not None:
                    read.entries.append((partition, entry))
        read.lost, self._gone = self._gone, set()
        self._say()
        for partition in sorted(self._gained):
            self._take_over(partition)
        self._gained.clear()
        # What was fetched before a partition came back is not of this ownership.
        read.entries = [each for each in read.entries if each[0] not in read.lost]
        self._say()
        self._watch(time.monotonic())
        return read

    def ready(self) -> set[int]:
        return self._ready

    def write(self, partition: int, entries: Sequence[Delivery]) -> None:
        producer = self._producers[partition]
        self._transactions.run(producer, lambda: self._produce(producer, partition, entries))

    def close(self) -> None:
        self._still.end()
        for producer in self._producers.values():
            producer.purge()
        self._on_revoke = lambda partitions: None
        self._consumer.close()

    def _say(self) -> None:
        """Readiness: what is owned is read, or nothing is owned."""
        own = self._gained | self._end_offsets.keys()
        self._standing.owns(own, unread=own - self._ready)

    def _watch(self, now: float) -> None:
        """Raises Fatal when what is owned is not read although something waits there."""
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._still.start()
            self._still.look(
                {(self._topic, each): self._positions.get(each, 0) for each in self._end_offsets}
            )

    def _take_over(self, partition: int) -> None:
        producer = kafka.producer(
            self._settings,
            transactional_id=f"{name_of(self._settings, GROUP)}.{partition}",
            options={"linger.ms": 0},
        )
        self._transactions.begin(producer)
        # Behind the fence: the earlier owner's last entry is below this end.
        end = self._retry(lambda: self._end(partition))
        self._producers[partition], self._end_offsets[partition] = producer, end
        self._consumer.incremental_assign([TopicPartition(self._topic, partition, OFFSET_BEGINNING)])
        _log.info("taking over a partition of the ledger", partition=partition, end=end)

    def _end(self, partition: int) -> int:
        client = kafka.reader(self._settings)
        try:
            return kafka.watermarks(client, self._topic, partition)[1]
        finally:
            client.close()

    def _produce(self, producer: Producer, partition: int, entries: Sequence[Delivery]) -> None:
        for each in entries:
            producer.produce(
                self._topic,
                self._frame + self._codec.write(each.record()),
                key_of(each),
                partition=partition,
                headers=list(headers(each.chain_id, each.version, stream=STREAM)),
            )

    def _note(self, partition: int, offset: int, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if partition in self._end_offsets:
                # Behind the last entry there are only the marks of transactions.
                self._positions[partition] = offset
            if offset >= self._end_offsets.get(partition, offset + 1):
                self._ready.add(partition)
        elif kafka.ends_reading(error):
            raise Fatal(f"cannot read {self._topic}: {error}", remedy="check the topic and its ACLs")
        else:
            _log.warning("kafka", topic=self._topic, error=str(error))

    def _entry(self, message: Message) -> Delivery | None:
        value = message.value()
        if value is None:
            return None
        try:
            return delivery_of(self._retry(lambda: self._reader.read(value)))
        except (MalformedRecord, ValueError) as error:
            with about(partial(message_fields, STAGE, message)):
                _log.warning("not a delivery", error=str(error))
            return None

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._standing.answered()
        # Without a call of ours librdkafka would begin to read at once; the fence comes first.
        consumer.incremental_assign([])
        self._gained |= {each.partition for each in partitions}
        CONSUMER_REBALANCES.labels(self._settings.chain.name, GROUP).inc()

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        read = sorted(numbers & self._end_offsets.keys())
        if read:
            self._on_revoke(set(read))
        self._gained -= numbers
        self._ready -= numbers
        self._gone |= set(read)
        for each in read:
            del self._end_offsets[each]
            self._positions.pop(each, None)
            self._producers.pop(each).purge()
        # Once, and also for none: without a call of ours the client drops all of them, which librdkafka
        # refuses where it was never told to read one.
        consumer.incremental_unassign([TopicPartition(self._topic, each) for each in read])


def _waits(error: Transient, seconds: float) -> None:
    _log.warning("retrying", seconds=round(seconds, 2), error=str(error))
    HEALTH.report("kafka", False, str(error))
