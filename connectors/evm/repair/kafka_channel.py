"""Requests and outcomes in Kafka: both topics have one partition.

Requests are read without membership in the group whose offset is committed: there is one listener per chain,
the one whose CLAIM is in force, and it should not have to wait for the session of the one before it to end.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from connectors.evm.events import STAGE
from connectors.evm.repair.channel import Asked
from connectors.evm.repair.request import OUTCOMES, PUBLISHED, REQUESTS, Outcome, outcome_of, request_of
from headwater import kafka
from headwater.errors import Transient
from headwater.logging import about, get_logger
from headwater.settings import Settings
from headwater.standstill import standstill
from schemas import MalformedRecord, StreamReader, codec_for, frame
from schemas.naming import name_of
from topics.catalog import topic_name
from topics.chainlog.headers import headers
from topics.chainlog.log_fields import message_fields

PARTITION: Final = 0
GROUP: Final = "listen"
_WAIT_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 120.0  # as librdkafka gives up itself
_ANSWER_SECONDS: Final = 10.0
_log = get_logger("headwater.listen.repair")


class KafkaRequests:
    """`Requests` on a topic."""

    def __init__(self, settings: Settings, reader: StreamReader) -> None:
        self._topic = topic_name(settings, REQUESTS)
        self._reader = reader
        group = name_of(settings, GROUP)
        self._consumer: Consumer = kafka.consumer(
            settings, group, options={"fetch.wait.max.ms": 100, "enable.partition.eof": True}
        )
        self._still = standstill(settings, REQUESTS, group)
        self._partition = TopicPartition(self._topic, PARTITION)
        self._committed = 0
        self._position = 0
        self._assigned = False

    def next(self, limit: int) -> Sequence[Asked]:
        if not self._assigned:
            self._begin()
        asked: list[Asked] = []
        for message in self._consumer.consume(limit, _WAIT_SECONDS):
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                self._position = int(message.offset() or 0)
                continue
            if error is not None:
                # Assigned anew it begins at the committed offset: none of what came before is lost.
                self._assigned = False
                raise Transient(
                    f"cannot read {self._topic}: {error}",
                    remedy="`headwater topics apply` makes it where it is missing",
                )
            asked.append(self._read(message))
            self._position = asked[-1].offset + 1
        self._still.start()
        self._still.look({(self._topic, PARTITION): self._position})
        return asked

    def waiting(self) -> int:
        low, high = self._consumer.get_watermark_offsets(self._partition, cached=True)
        told = self._still.bounds((self._topic, PARTITION))
        # Of the two, a fetch that gets nothing knows the earlier one.
        end = int(high) if told is None else max(int(high), told.end)
        return max(0, end - max(self._committed, int(low)))

    def commit(self, end: int) -> None:
        try:
            self._consumer.commit(offsets=[TopicPartition(self._topic, PARTITION, end)], asynchronous=False)
        except KafkaException as error:
            raise Transient(f"cannot commit the offset of {self._topic}: {error}") from error
        self._committed = end

    def close(self) -> None:
        self._still.end()
        self._consumer.close()

    def _begin(self) -> None:
        """Read from the committed request on."""
        try:
            (stored,) = self._consumer.committed([self._partition], timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise Transient(f"cannot look up the offset of {self._topic}: {error}") from error
        self._committed = self._position = max(0, int(stored.offset))
        start = self._committed if stored.offset >= 0 else OFFSET_BEGINNING
        self._consumer.assign([TopicPartition(self._topic, PARTITION, start)])
        self._assigned = True

    def _read(self, message: Message) -> Asked:
        offset, value = int(message.offset() or 0), message.value()
        log_fields = partial(message_fields, STAGE, message)
        if value is None:
            return Asked(offset, None, "it has no value", log_fields)
        try:
            return Asked(offset, request_of(self._reader.read(value)))
        except MalformedRecord as error:
            return Asked(offset, None, str(error), log_fields)


class KafkaOutcomes:
    """`Outcomes` on a topic."""

    def __init__(self, settings: Settings, chain_id: int, schema_id: int, reader: StreamReader) -> None:
        self._settings = settings
        self._topic = topic_name(settings, OUTCOMES)
        self._chain_id = chain_id
        self._frame = frame(schema_id)
        self._codec = codec_for(OUTCOMES)
        self._reader = reader
        self._producer: Producer | None = None
        self._closing = threading.Event()

    def publish(self, outcomes: Sequence[Outcome]) -> None:
        producer = self._producer or kafka.producer(self._settings, options={"linger.ms": 0})
        self._producer = None  # until it has done what it was given
        kafka.publish(
            producer,
            self._topic,
            [self._message(each) for each in outcomes],
            seconds=_LONGEST_SECONDS,
            stopped=self._closing.is_set,
        )
        self._producer = producer

    def repairs(self) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        client = kafka.reader(self._settings)
        try:
            low, high = kafka.watermarks(client, self._topic, PARTITION, timeout=_ANSWER_SECONDS)
            for message in kafka.read_range(
                client, self._topic, low, high, PARTITION, timeout=_ANSWER_SECONDS
            ):
                outcome = self._outcome(message)
                if outcome is None or outcome.outcome != PUBLISHED or outcome.sequence is None:
                    continue
                if outcome.request.block_hash is not None:
                    found[outcome.request.block_hash] = outcome.sequence
        finally:
            client.close()
        return found

    def interrupt(self) -> None:
        self._closing.set()

    def close(self) -> None:
        self._producer = None

    def _message(self, outcome: Outcome) -> kafka.Outgoing:
        request = outcome.request
        return kafka.Outgoing(
            request.request_id.encode(),
            self._frame + self._codec.write(outcome.record()),
            tuple(headers(self._chain_id, outcome.sequence, request.block_hash, stream=OUTCOMES)),
            PARTITION,
        )

    def _outcome(self, message: Message) -> Outcome | None:
        value = message.value()
        if value is None:
            return None
        try:
            return outcome_of(self._reader.read(value))
        except MalformedRecord as error:
            with about(partial(message_fields, STAGE, message)):
                _log.warning("not an outcome", error=str(error))
            return None
