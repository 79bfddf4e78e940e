"""Writes messages to one topic and waits for the brokers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headwater.errors import Transient

SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message; without a partition the key decides."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int = -1


def publish(producer: Producer, topic: str, messages: Sequence[Outgoing]) -> None:
    """Returns once the brokers have acknowledged every message. Raises Transient; what was written stays."""
    failures: list[str] = []
    acknowledged = 0

    def delivered(error: KafkaError | None, message: Message) -> None:
        nonlocal acknowledged
        if error is None:
            acknowledged += 1
        else:
            failures.append(str(error))

    try:
        for each in messages:
            producer.produce(
                topic,
                each.value,
                each.key,
                partition=each.partition,
                headers=list(each.headers),
                on_delivery=delivered,
            )
        producer.flush(SECONDS)
    except (BufferError, KafkaException) as error:
        failures.append(str(error))
    if acknowledged < len(messages):
        # What still waits must not be written behind what is written next.
        producer.purge()
        producer.flush(SECONDS)
        reason = failures[0] if failures else f"no answer within {SECONDS:.0f} s"
        raise Transient(
            f"{topic} acknowledged {acknowledged} of {len(messages)} messages: {reason}",
            remedy="`headwater topics apply` makes it where it is missing",
        )
