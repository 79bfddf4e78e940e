"""The sink's dead letters: on their topic with the original bytes, and at once in their table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from connectors.clickhouse.sink.messages import STAGE, Bad, Message
from connectors.clickhouse.sink.rows import dead_letter_row
from connectors.clickhouse.sink.table import Table
from headwater.errors import Fatal, Transient
from headwater.logging import about, get_logger
from headwater.metrics.consumers import DEAD_LETTERS, DEAD_LETTERS_LAST
from headwater.metrics.last import count
from topics.chainlog.log_fields import message_fields
from topics.dead_letters import error_headers

SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_log = get_logger("connectors.clickhouse.sink")


class Producer(Protocol):
    """The part of confluent-kafka's Producer that the sink uses."""

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        *,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[object, Message], None],
    ) -> None: ...
    def poll(self, timeout: float) -> int: ...
    def flush(self, timeout: float) -> int: ...


class DeadLetters:
    """Where messages go that cannot become rows. Used by several threads."""

    def __init__(self, producer: Producer, topic: str, table: Table, chain: str) -> None:
        self._producer = producer
        self._topic = topic
        self._table = table
        self._chain = chain

    def send(self, bad: Sequence[Bad]) -> None:
        """Returns once Kafka and ClickHouse acknowledged each letter; sending again only adds copies.

        The row is written here and not left to the topic's consumer: whoever shows a block must find
        its dead letters in the table as soon as the partition has passed them. Raises Transient.
        """
        reports = _DeliveryReports()
        for each in bad:
            self._produce(each, reports)
        self._producer.flush(SECONDS)
        missing = len(bad) - len(reports.delivered)
        if missing:
            reason = next(iter(reports.failures), f"no answer within {SECONDS:g} s")
            raise Transient(f"{self._topic} did not acknowledge {missing} dead letters: {reason}")
        rows = [
            dead_letter_row(
                self._headers(each),
                each.message.key(),
                each.message.value(),
                letter.partition(),
                letter.offset(),
                letter.timestamp()[1],
            )
            for each, letter in reports.delivered
        ]
        self._table.write({name: [row[name] for row in rows] for name in rows[0]})
        for each in bad:
            count(DEAD_LETTERS, DEAD_LETTERS_LAST, self._chain, STAGE, type(each.error).__name__)
            with about(partial(message_fields, STAGE, each.message)):
                _log.error("row sent to the dead letters", error=str(each.error))

    def _produce(self, bad: Bad, reports: _DeliveryReports) -> None:
        """Queue a letter, as soon as there is room for it. Raises Transient when none comes."""
        deadline = time.monotonic() + SECONDS
        message = bad.message
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    message.value(),
                    message.key(),
                    headers=list(self._headers(bad).items()),
                    on_delivery=partial(reports.add, bad),
                )
            except BufferError as error:
                if time.monotonic() >= deadline:
                    raise Transient(
                        f"{self._topic} takes no dead letter: the queue is full for {SECONDS:g} s"
                    ) from error
                self._producer.poll(_POLL_SECONDS)
            else:
                return

    def _headers(self, bad: Bad) -> dict[str, bytes]:
        message = bad.message
        own = {name: value or b"" for name, value in message.headers() or ()}
        position = message.topic(), message.partition(), message.offset()
        return own | dict(error_headers(*position, STAGE, bad.error))


class _DeliveryReports:
    """What became of the letters of one call."""

    def __init__(self) -> None:
        self.delivered: list[tuple[Bad, Message]] = []
        self.failures: list[str] = []

    def add(self, bad: Bad, error: object, message: Message) -> None:
        """A delivery report of the producer."""
        if error is None:
            self.delivered.append((bad, message))
        else:
            self.failures.append(str(error))


class StopOnDeadLetter:
    """Where dead letters go that cannot be stored: nowhere, so the sink stops."""

    def send(self, bad: Sequence[Bad]) -> None:
        """Raises Fatal."""
        raise Fatal(
            f"a dead letter cannot be stored: {bad[0].error}", remedy="this is a defect: please report it"
        )
