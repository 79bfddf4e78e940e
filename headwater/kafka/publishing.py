"""Writes messages to one topic and waits until the brokers have acknowledged all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headwater.errors import Transient
from headwater.heartbeat import beat

SECONDS: Final = 30.0
MISSING: Final = "`headwater topics apply` makes it where it is missing"
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message; without a partition the key decides, a value of None is a tombstone."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int = -1


def publish(
    producer: Producer,
    topic: str,
    messages: Iterable[Outgoing],
    *,
    seconds: float = SECONDS,
    remedy: str = MISSING,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Returns once every message is acknowledged, however many there are: a queue that is full is waited for.

    The producer is of nobody else meanwhile. Raises Transient at the first message that is refused, when
    nothing is acknowledged for `seconds`, and when `stopped` says so; what was written stays, and what still
    waits is dropped, so that it is not written behind what is written next.
    """
    writing = _Writing(producer, topic, seconds, stopped)
    try:
        for each in messages:
            writing.produce(each)
        writing.finish()
    except (BufferError, KafkaException) as error:
        writing.failure = writing.failure or str(error)
    finally:
        if writing.acknowledged < writing.sent or writing.failure is not None:
            producer.purge(blocking=False)
            producer.poll(0)
    if writing.failure is not None:
        raise Transient(
            f"{topic} acknowledged {writing.acknowledged} of {writing.sent} messages: {writing.failure}",
            remedy=remedy,
        )


class _Writing:
    """Messages on their way. `failure`: why no more of them are waited for."""

    def __init__(self, producer: Producer, topic: str, seconds: float, stopped: Callable[[], bool]) -> None:
        self._producer, self._topic, self._seconds, self._stopped = producer, topic, seconds, stopped
        self._deadline = time.monotonic() + seconds
        self.sent = self.acknowledged = 0
        self.failure: str | None = None

    def produce(self, message: Outgoing) -> None:
        """Queue a message, as soon as there is room for it. Raises BufferError when none comes."""
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    message.value,
                    message.key,
                    partition=message.partition,
                    headers=list(message.headers),
                    on_delivery=self._delivered,
                )
                break
            except BufferError:
                if not self._waits():
                    raise
        self.sent += 1
        self._producer.poll(0)

    def finish(self) -> None:
        """Wait until all that was queued is acknowledged, or is not waited for any more."""
        while self.acknowledged < self.sent and self._waits():
            pass

    def _waits(self) -> bool:
        """Serve what the brokers said; False when it is not worth waiting."""
        beat()
        self._producer.poll(_POLL_SECONDS)
        if self.failure is None and self._stopped():
            self.failure = "stopped while writing"
        elif self.failure is None and time.monotonic() > self._deadline:
            self.failure = f"no answer within {self._seconds:.0f} s"
        return self.failure is None

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acknowledged += 1
            self._deadline = time.monotonic() + self._seconds
        else:
            self.failure = self.failure or str(error)
