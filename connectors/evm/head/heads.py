"""The `heads` topic: a copy of head, safe and finalized for people and the api. No stage decides by it."""

from __future__ import annotations

from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message

from connectors.evm.events import Head
from headwater import kafka
from headwater.clock import now_ms
from headwater.logging import about, get_logger
from headwater.settings import Settings
from schemas import codec_for, frame
from topics.catalog import topic_name
from topics.chainlog.headers import headers

STREAM = "heads"
_log = get_logger("headwater.listen.heads")


class Heads:
    """Writes copies without waiting for them: one that is lost is only logged."""

    def __init__(self, settings: Settings, chain_id: int, schema_id: int) -> None:
        self._topic = topic_name(settings, STREAM)
        self._chain_id = chain_id
        self._frame = frame(schema_id)
        self._codec = codec_for(STREAM)
        self._producer = kafka.producer(settings, options={"linger.ms": 0})

    def moved(self, tag: str, head: Head, sequence: int) -> None:
        """Copy one movement of HEAD, SAFE or FINALIZED."""
        body = self._codec.write_values(
            self._chain_id, sequence, tag, head.number, head.hash, head.timestamp_ms, now_ms()
        )
        try:
            self._producer.produce(
                self._topic,
                value=self._frame + body,
                key=str(self._chain_id).encode(),
                headers=list(headers(self._chain_id, stream=STREAM)),
                on_delivery=partial(_delivered, head, sequence),
            )
        except (BufferError, KafkaException) as error:
            _not_written(head, sequence, self._topic, str(error))
        self._producer.poll(0)

    def close(self, seconds: float = 2.0) -> None:
        """Wait a little for what is under way."""
        left = self._producer.flush(seconds)
        if left:
            _log.warning("copies on heads were not acknowledged", messages=left)


def _delivered(head: Head, sequence: int, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        _not_written(head, sequence, message.topic(), str(error))


def _not_written(head: Head, sequence: int, topic: str | None, error: str) -> None:
    with about(head.log_fields):
        _log.warning("no copy on heads", topic=topic, sequence=sequence, error=error)
