"""raw-blocks in Kafka: one partition, an idempotent producer, a reader outside any group."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.evm.log.store import Outgoing
from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.heartbeat import beat
from headwater.logging import get_logger
from headwater.settings import Settings
from topics.chainlog.claims import UNACKNOWLEDGED

PARTITION: Final = 0
# What the producer may hold: half of librdkafka's queue.
_BYTES_UNDER_WAY: Final = 96 * 1024 * 1024
_POLL_SECONDS: Final = 0.1
# Short, so that a stop is not held up by a broker that is away; the listener tries again.
_READ_SECONDS: Final = 5.0
# A range of so many messages is read without fetching much ahead: one of them may be megabytes, and a
# bisection would fetch tens of megabytes at each step. A larger message than this still comes, alone.
_FEW: Final = 8
_SMALL_FETCH: Final[Mapping[str, kafka.Option]] = {
    "fetch.message.max.bytes": 64 * 1024,
    "queued.min.messages": 1,
}
_log = get_logger("headwater.listen.kafka")


class KafkaStore:
    """A LogStore on a Kafka topic of one partition; `key` is every message's key."""

    def __init__(self, settings: Settings, topic: str, key: str) -> None:
        self._settings = settings
        self._topic = topic
        self._key = key.encode()
        self._reader: Consumer = kafka.reader(settings, isolation="read_uncommitted")
        self._small: Consumer | None = None
        self._producer: Producer | None = None
        self._closing = threading.Event()

    @property
    def topic(self) -> str:
        return self._topic

    def bounds(self) -> tuple[int, int]:
        return kafka.watermarks(self._reader, self._topic, PARTITION, timeout=_READ_SECONDS)

    def read(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        reader = self._reader if end - start > _FEW else self._small_reader()
        for message in kafka.read_range(reader, self._topic, start, end, PARTITION, timeout=_READ_SECONDS):
            offset, value = message.offset(), message.value()
            if offset is not None and value is not None:
                yield offset, value

    def append(self, messages: Sequence[Outgoing]) -> list[int]:
        offsets: list[int] = []
        start = 0
        while start < len(messages):
            end, size = start, 0
            while end < len(messages) and end - start < UNACKNOWLEDGED and size < _BYTES_UNDER_WAY:
                size += len(messages[end].value)
                end += 1
            offsets += self._append(messages[start:end])
            start = end
        return offsets

    def _append(self, messages: Sequence[Outgoing]) -> list[int]:
        producer = self._producer
        if producer is None:
            raise Transient(f"{self._topic}: the writer was given up")
        offsets: list[int] = []
        failures: list[str] = []
        refused: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is not None and kafka.too_large(error):
                refused.append(error)
            if error is not None or offset is None:
                failures.append(str(error))
            else:
                offsets.append(offset)

        try:
            for message in messages:
                producer.produce(
                    self._topic,
                    value=message.value,
                    key=self._key,
                    partition=PARTITION,
                    headers=list(message.headers),
                    on_delivery=delivered,
                )
            while len(offsets) + len(failures) < len(messages) and not failures:
                # The brokers may be away for as long as librdkafka has patience with a delivery.
                beat()
                producer.poll(_POLL_SECONDS)
                if self._closing.is_set():
                    raise Transient(f"{self._topic}: stopped while writing")
        except (BufferError, KafkaException) as error:
            failures.append(str(error))
        if refused:
            largest = max(len(each.value) for each in messages)
            raise Fatal(
                f"{self._topic} does not take a message of {largest} bytes: {refused[0]}",
                remedy="`headwater topics apply` raises the topic's max.message.bytes; a broker may have a "
                "message.max.bytes below it",
            )
        if failures:
            self._producer = None
            raise Transient(f"cannot write to {self._topic}: {failures[0]}")
        return offsets

    def renew(self) -> None:
        self._give_up()
        # Every message is waited for, so lingering would only add to the latency.
        self._producer = kafka.producer(self._settings, options={"linger.ms": 0})

    def trim(self, before: int) -> None:
        client = kafka.admin(self._settings)
        wanted = TopicPartition(self._topic, PARTITION, before)
        try:
            for future in client.delete_records([wanted]).values():
                future.result(timeout=30)
        except (KafkaException, TimeoutError) as error:
            raise Transient(f"cannot delete the front of {self._topic}: {error}") from error

    def offset_at(self, time_ms: int) -> int | None:
        wanted = TopicPartition(self._topic, PARTITION, time_ms)
        try:
            (found,) = self._reader.offsets_for_times([wanted], timeout=_READ_SECONDS)
        except KafkaException as error:
            raise Transient(f"cannot look up a time in {self._topic}: {error}") from error
        return int(found.offset) if found.offset >= 0 else None

    def interrupt(self) -> None:
        self._closing.set()

    def close(self) -> None:
        self._give_up()
        self._reader.close()
        if self._small is not None:
            self._small.close()

    def _small_reader(self) -> Consumer:
        if self._small is None:
            self._small = kafka.reader(self._settings, isolation="read_uncommitted", options=_SMALL_FETCH)
        return self._small

    def _give_up(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # What is still queued would be written under a claim that is ours no longer.
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            producer.poll(0)
