"""Delivery reports of a producer: whether everything arrived, and where."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from headwater import kafka
from headwater.errors import Fatal, Transient
from streams.logic.event import Position


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
        if kafka.rejects_message(self._error):
            raise Fatal(f"Kafka refused a message for good: {self._error}", remedy="see the topic's settings")
        raise Transient(f"not delivered: {self._error}")

    def positions(self) -> tuple[Position, ...]:
        """The position after the last message of each partition, sorted. Raises as `check` does."""
        self.check()
        return tuple(Position(*place, offset) for place, offset in sorted(self._next.items()))
