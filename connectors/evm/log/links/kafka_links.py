"""raw-links in Kafka: one partition beside raw-blocks, written without waiting."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.evm.log.codec import Stored
from connectors.evm.log.links.links import STREAM, LinkCodec
from headwater import kafka
from headwater.errors import Transient
from headwater.logging import get_logger
from headwater.settings import Settings
from topics.catalog import topic_name
from topics.chainlog.headers import headers

_PARTITION: Final = 0
_SECONDS: Final = 5.0
_FLUSH_SECONDS: Final = 2.0
_log = get_logger("headwater.listen.links")


class KafkaLinks:
    """Links on the topic of the settings' chain. What is written is kept as long as the topic says."""

    def __init__(self, settings: Settings, chain_id: int, codec: LinkCodec) -> None:
        self._settings = settings
        self._topic = topic_name(settings, STREAM)
        self._key = str(chain_id).encode()
        self._headers = headers(chain_id, stream=STREAM)
        self._codec = codec
        self._reader = kafka.reader(settings, isolation="read_uncommitted")
        self._producer: Producer | None = None
        self._failing = False

    def last(self, count: int) -> list[Stored]:
        # What we wrote ourselves before the log had to be opened again.
        self._flush()
        low, end = kafka.watermarks(self._reader, self._topic, _PARTITION, timeout=_SECONDS)
        messages = kafka.read_range(
            self._reader, self._topic, max(low, end - count), end, _PARTITION, timeout=_SECONDS
        )
        return list(self._codec.decode([value for each in messages if (value := each.value()) is not None]))

    def note(self, stored: Stored) -> None:
        if self._producer is None:
            self._producer = kafka.producer(self._settings)
        try:
            self._producer.produce(
                self._topic,
                value=self._codec.encode(stored),
                key=self._key,
                partition=_PARTITION,
                headers=list(self._headers),
                on_delivery=self._delivered,
            )
        except (BufferError, KafkaException) as error:
            self._failed(str(error))
        self._producer.poll(0)

    def forget(self) -> None:
        self._flush()
        _, end = kafka.watermarks(self._reader, self._topic, _PARTITION, timeout=_SECONDS)
        client = kafka.admin(self._settings)
        wanted = TopicPartition(self._topic, _PARTITION, end)
        try:
            for future in client.delete_records([wanted]).values():
                future.result(timeout=30)
        except (KafkaException, TimeoutError) as error:
            raise Transient(f"cannot empty {self._topic}: {error}") from error

    def close(self) -> None:
        self._flush()
        self._reader.close()

    def _flush(self) -> None:
        left = 0 if self._producer is None else self._producer.flush(_FLUSH_SECONDS)
        if left:
            self._failed(f"{left} messages were not acknowledged")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._failing = False
        else:
            self._failed(str(error))

    def _failed(self, error: str) -> None:
        """Said once until it goes on: every message would fail alike."""
        if not self._failing:
            _log.warning(
                "raw-links is not written, so that the next start takes longer: "
                "`headwater topics apply` makes it where it is missing",
                topic=self._topic,
                error=error,
            )
        self._failing = True
