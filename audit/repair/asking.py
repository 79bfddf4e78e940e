"""Publishes requests, and waits for what the listener does about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Final

from confluent_kafka import KafkaError, TopicPartition

from audit.repair.topic import record_of
from connectors.evm.repair.request import OUTCOMES, REQUESTS, Outcome, Request, outcome_of
from headwater import kafka
from headwater.errors import Transient
from headwater.settings import Settings
from schemas import codec_for, frame
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.chainlog.headers import headers
from topics.partitions import partitions_of

SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.5


def publish(settings: Settings, requests: Sequence[Request]) -> None:
    """Returns once the brokers have acknowledged every request.

    Raises Transient when they do not within 30 s, what was acknowledged stays; Fatal when they reject us.
    """
    topic, codec = topic_name(settings, REQUESTS), codec_for(REQUESTS)
    head = frame(Registry(settings).id_for(REQUESTS))
    kafka.publish(
        kafka.producer(settings, options={"delivery.timeout.ms": int(SECONDS * 1000)}),
        topic,
        (
            kafka.Outgoing(
                str(each.block).encode(),
                head + codec.write(each.record()),
                tuple(headers(each.chain_id, block_hash=each.block_hash, stream=REQUESTS)),
            )
            for each in requests
        ),
        seconds=SECONDS,
        remedy="run the command again: what was asked already is left out",
    )


class OutcomeReader:
    """Outcomes that are written from now on: made before the requests are, it misses none of theirs."""

    def __init__(self, settings: Settings) -> None:
        """Raises Fatal when there is no such topic or the brokers reject us, Transient when they are away."""
        self._topic = topic_name(settings, OUTCOMES)
        self._reader = Registry(settings).reader(OUTCOMES)
        self._client = kafka.reader(settings)
        end_offsets = [
            TopicPartition(self._topic, each, kafka.watermarks(self._client, self._topic, each)[1])
            for each in partitions_of(settings, self._client, self._topic)
        ]
        self._client.assign(end_offsets)

    def __enter__(self) -> OutcomeReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def __call__(self, seconds: float) -> Outcome | None:
        """The next outcome, None when there is none for so long. Raises Transient or Fatal."""
        message = self._client.poll(seconds)
        if message is None:
            return None
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                return None
            raise Transient(f"cannot read {self._topic}: {error.str()}")
        record = record_of(self._reader, message)
        return None if record is None else outcome_of(record)


def wait(
    next_outcome: Callable[[float], Outcome | None],
    wanted: Collection[str],
    *,
    patience_seconds: float,
    progress: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Outcome]:
    """Outcomes by request id, of all that are wanted, or of those decided before patience ran out.

    Patience begins anew with each outcome: the listener serves few requests between two looks at the head.
    """
    found: dict[str, Outcome] = {}
    deadline = clock() + patience_seconds
    while len(found) < len(wanted) and (left := deadline - clock()) > 0:
        outcome = next_outcome(min(left, _POLL_SECONDS))
        if outcome is not None and outcome.request.request_id in wanted:
            deadline = clock() + patience_seconds
            if outcome.request.request_id not in found:
                progress()
            found[outcome.request.request_id] = outcome
    return found
