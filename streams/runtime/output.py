"""Writes what stages decided: public messages in Kafka transactions, internal ones acknowledged in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.logging import get_logger
from headwater.metrics import stages as metrics
from headwater.retry import Backoff, Retry, Stopped
from headwater.settings import Settings
from streams.logic.event import Messages, Position
from streams.stage import Outcome
from topics.catalog import app_id, topic_name

_log = get_logger("streams.output")

# Long enough for a broker to restart within one call, short enough to notice that we must stop.
_CALL_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 5.0

_REFUSED = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    )
)


class Fenced(Fatal):
    """Another worker took the partition over: whatever this one still writes would be stale."""


class StageOutput:
    """The producers of one assignment of one partition of the input. Blocking: for a thread of its own.

    `open` fences every earlier owner of the partition. Nothing is acknowledged by this class; when
    `write` returns, everything it was given is committed and acknowledged by the brokers.
    """

    def __init__(self, settings: Settings, group: str, partition: int, stop: threading.Event) -> None:
        self._settings = settings
        self._labels = {"chain": settings.chain.name, "stage": group}
        self._transactional_id = f"{app_id(settings, group)}.{partition}"
        self._stop = stop
        self._names: dict[str, str] = {}
        self._public: Producer | None = None
        self._internal: Producer | None = None

    def open(self) -> None:
        """Take the partition over from any earlier owner. Raises Stopped, or Fatal when refused."""
        public = kafka.producer(self._settings, transactional_id=self._transactional_id)
        call = partial(public.init_transactions, _CALL_SECONDS)
        self._retry(lambda: self._persist(public, call, "init_transactions"), "start")
        self._public = public

    def close(self) -> None:
        """Release the producers, with what they still hold: a new assignment has its own."""
        for producer in (self._public, self._internal):
            if producer is not None:
                producer.purge()
        self._public = self._internal = None

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Public messages of all outcomes in one transaction, then the internal ones, in order.

        Raises Fenced, Stopped, or Fatal when a broker refuses for good.
        """
        if any(outcome.public or outcome.coverage for outcome in outcomes):
            began = time.perf_counter()
            self._retry(lambda: self._transact(outcomes), "transaction")
            metrics.TRANSACTION_SECONDS.labels(**self._labels).observe(time.perf_counter() - began)
        internal = [messages for outcome in outcomes for messages in outcome.internal]
        if internal:
            self._retry(lambda: self._deliver(internal), "write")
        for outcome in outcomes:
            for messages in (*outcome.public, *outcome.internal):
                metrics.STAGE_RECORDS.labels(**self._labels, stream=messages.stream).inc(len(messages.keys))

    def _transact(self, outcomes: Sequence[Outcome]) -> None:
        producer = self._public
        if producer is None:
            raise RuntimeError("write before open")
        producer.begin_transaction()
        try:
            landed = [self._send_public(producer, outcome) for outcome in outcomes]
            if any(each is not None for each in landed):
                self._flush(producer)
            for outcome, positions in zip(outcomes, landed, strict=True):
                if outcome.coverage is not None and positions is not None:
                    self._send(producer, outcome.coverage(positions.positions()), None)
            self._persist(producer, partial(producer.commit_transaction, _CALL_SECONDS), "commit_transaction")
        except (KafkaException, Transient) as error:
            cause = error.args[0] if isinstance(error, KafkaException) else None
            if isinstance(cause, KafkaError) and not cause.txn_requires_abort():
                raise
            self._persist(producer, partial(producer.abort_transaction, _CALL_SECONDS), "abort_transaction")
            raise Transient(f"transaction of {self._transactional_id} aborted: {error}") from error

    def _send_public(self, producer: Producer, outcome: Outcome) -> _Landed | None:
        landed = _Landed() if outcome.coverage is not None else None
        for messages in outcome.public:
            self._send(producer, messages, landed)
        return landed

    def _deliver(self, batch: Sequence[Messages]) -> None:
        if self._internal is None:
            # No time-out: a message that expires would be overtaken, and readers would see a hole.
            self._internal = kafka.producer(self._settings, options={"delivery.timeout.ms": 0})
        landed = _Landed()
        try:
            for messages in batch:
                self._send(self._internal, messages, landed)
            self._flush(self._internal)
            landed.check()
        except Transient as error:
            # What is still queued must not be written after the second try: readers would see a hole.
            self._internal.purge()
            self._internal.flush(_CALL_SECONDS)
            self._internal = None
            raise Transient(f"internal messages not acknowledged: {error}") from error

    def _send(self, producer: Producer, messages: Messages, landed: _Landed | None) -> None:
        topic = self._names.get(messages.stream)
        if topic is None:
            topic = self._names[messages.stream] = topic_name(self._settings, messages.stream)
        headers = list(messages.headers)
        produce: Callable[..., None] = producer.produce
        if landed is not None:
            produce = partial(produce, on_delivery=landed)
        for key, value in zip(messages.keys, messages.values, strict=True):
            try:
                produce(topic, value, key, headers=headers)
            except BufferError:
                self._make_room(producer)
                produce(topic, value, key, headers=headers)

    def _make_room(self, producer: Producer) -> None:
        before = len(producer)
        while len(producer) >= before:
            if self._stop.is_set():
                raise Stopped("stopped while the brokers took nothing")
            producer.poll(0.1)

    def _flush(self, producer: Producer) -> None:
        while producer.flush(_CALL_SECONDS):
            if self._stop.is_set():
                raise Stopped("stopped while the brokers acknowledged nothing")

    def _persist(self, producer: Producer, call: Callable[[], object], what: str) -> None:
        """Repeat a transactional call while librdkafka says that the same call may succeed.

        The call itself waits for the brokers, so there is no pause before the next one.
        """

        def step() -> None:
            try:
                call()
            except KafkaException as error:
                cause = error.args[0]
                if cause.fatal() or not cause.retriable():
                    raise
                raise Transient(f"{what}: {cause}") from error

        def again(error: Transient, seconds: float) -> None:
            _log.warning("retrying", what=what, error=str(error))
            # The call serves no callbacks: whether brokers reject us is heard here.
            producer.poll(0)

        Retry(backoff=Backoff(first=0.0, ceiling=0.0), stop=self._stop, on_failure=again)(step)

    def _retry(self, call: Callable[[], None], what: str) -> None:
        def waits(error: Transient, seconds: float) -> None:
            _log.warning("retrying", what=what, seconds=round(seconds, 2), error=str(error))

        retry = Retry(backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS), stop=self._stop, on_failure=waits)
        retry(partial(self._judged, call))

    def _judged(self, call: Callable[[], None]) -> None:
        """The call, with what the client raises for good as Fenced or Fatal."""
        try:
            call()
        except KafkaException as error:
            raise self._verdict(error) from error
        except SystemError as error:
            # confluent_kafka raises a fatal error from flush and calls delivery callbacks after that.
            if isinstance(error.__cause__, KafkaException):
                raise self._verdict(error.__cause__) from error
            raise

    def _verdict(self, error: KafkaException) -> Fatal:
        cause = error.args[0]
        if cause.code() in (
            KafkaError._FENCED,
            KafkaError.INVALID_PRODUCER_EPOCH,
            KafkaError.PRODUCER_FENCED,
        ) or (cause.fatal() and "fenced" in str(cause).lower()):
            return Fenced(
                f"another worker took over {self._transactional_id}: this one was paused or cut off",
                remedy="nothing was lost: start it again",
            )
        return Fatal(f"Kafka refused for good: {cause}", remedy="see the brokers' logs, then start it again")


class _Landed:
    """Delivery reports of one event: the first failure, and the position after the last message."""

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
        if self._error is None:
            return
        if self._error.code() in _REFUSED:
            raise Fatal(f"Kafka refused a message for good: {self._error}", remedy="see the topic's settings")
        raise Transient(f"not delivered: {self._error}")

    def positions(self) -> tuple[Position, ...]:
        self.check()
        return tuple(Position(*place, offset) for place, offset in sorted(self._next.items()))
