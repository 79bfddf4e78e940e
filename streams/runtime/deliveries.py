"""Delivery reports of a producer: whether everything arrived, and where."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from headwater.errors import Fatal, Transient
from streams.logic.event import Position

_REJECTED = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    )
)


class DeliveryReports:
    """An `on_delivery` that remembers the first failure, and where each partition's last message is."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], int] = {}
        self._error: KafkaError | None = None

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            if self._error is None:
                self._error = error
            return
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is not None and partition is not None and offset is not None:
            self._next[topic, partition] = offset + 1

    def check(self) -> None:
        """Raises Fatal for a message that no try will deliver, Transient for any other failure."""
        if self._error is None:
            return
        if self._error.code() in _REJECTED:
            raise Fatal(f"Kafka refused a message for good: {self._error}", remedy="see the topic's settings")
        raise Transient(f"not delivered: {self._error}")

    def positions(self) -> tuple[Position, ...]:
        """The position after the last message of each partition, sorted. Raises as `check` does."""
        self.check()
        return tuple(Position(*place, offset) for place, offset in sorted(self._next.items()))
