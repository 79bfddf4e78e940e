"""Writes what stages decided: public messages in Kafka transactions, internal ones acknowledged in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer

from headwater import kafka
from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import beat
from headwater.logging import get_logger
from headwater.metrics import stages as metrics
from headwater.retry import Stopped
from headwater.settings import Settings
from streams.logic.event import Messages
from streams.runtime.deliveries import DeliveryReports
from streams.runtime.kafka_retry import KafkaRetry
from streams.stage import Outcome
from topics.catalog import app_id, topic_name

# Long enough for a broker to restart within one call, short enough to notice that we must stop.
_CALL_SECONDS = 5.0
_POLL_SECONDS = 0.1
_log = get_logger("streams.output")


class StageOutput:
    """The producers of one assignment of one partition of the input. Blocking: for a thread of its own.

    `open` fences the transactions of every earlier owner of the partition; what one of them still writes
    to internal topics are repeats, which readers drop. Nothing is acknowledged by this class; when
    `write` returns, everything it was given is committed and acknowledged by the brokers.
    """

    def __init__(self, settings: Settings, group: str, partition: int, stop: threading.Event) -> None:
        self._settings = settings
        self._labels = {"chain": settings.chain.name, "stage": group}
        self._transactional_id = f"{app_id(settings, group)}.{partition}"
        self._stop = stop
        self._retry = KafkaRetry(self._transactional_id, stop)
        self._persist = kafka.TransactionalCalls("kafka", stop)
        self._stuck = False
        self._names: dict[str, str] = {}
        self._public: Producer | None = None
        self._internal: Producer | None = None

    def open(self) -> None:
        """Take the partition over from any earlier owner. Raises Stopped, or Fatal when rejected."""
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

        An outcome with state goes into the transaction whole. Raises Fenced, Stopped, or Fatal when a broker
        rejects it for good.
        """
        if any(outcome.public or outcome.coverage or outcome.state for outcome in outcomes):
            began = time.perf_counter()
            self._retry(lambda: self._transact(outcomes), "transaction")
            metrics.TRANSACTION_SECONDS.labels(**self._labels).observe(time.perf_counter() - began)
        internal = [
            messages for outcome in outcomes if outcome.state is None for messages in outcome.internal
        ]
        if internal:
            self._retry(lambda: self._deliver(internal), "write")
        for outcome in outcomes:
            for messages in (*outcome.public, *outcome.internal):
                metrics.STAGE_RECORDS.labels(**self._labels, stream=messages.stream).inc(len(messages.keys))

    def send_later(self, messages: Messages) -> None:
        """Hand over messages that nobody waits for, to be sent soon; they may be lost."""
        if self._internal is not None:
            self._send(self._internal, messages, None)

    def _transact(self, outcomes: Sequence[Outcome]) -> None:
        producer = self._public
        if producer is None:
            raise RuntimeError("write before open")
        producer.begin_transaction()
        try:
            reports = [self._send_public(producer, outcome) for outcome in outcomes]
            if any(each is not None for each in reports):
                self._flush(producer)
            for outcome, report in zip(outcomes, reports, strict=True):
                if outcome.coverage is not None and report is not None:
                    self._send(producer, outcome.coverage(report.positions()), None)
            commit = partial(producer.commit_transaction, _CALL_SECONDS)
            self._persist(producer, commit, "commit_transaction")
        except (KafkaException, Transient) as error:
            cause = error.args[0] if isinstance(error, KafkaException) else None
            if isinstance(cause, KafkaError) and not cause.txn_requires_abort():
                raise
            abort = partial(producer.abort_transaction, _CALL_SECONDS)
            self._persist(producer, abort, "abort_transaction")
            raise Transient(f"transaction of {self._transactional_id} aborted: {error}") from error

    def _send_public(self, producer: Producer, outcome: Outcome) -> DeliveryReports | None:
        reports = DeliveryReports() if outcome.coverage is not None else None
        for messages in outcome.public:
            self._send(producer, messages, reports)
        if outcome.state is not None:
            for messages in (*outcome.internal, outcome.state):
                self._send(producer, messages, None)
        return reports

    def _deliver(self, batch: Sequence[Messages]) -> None:
        if self._internal is None:
            # No time-out: a message that expires would be overtaken, and readers would see a hole.
            self._internal = kafka.producer(self._settings, options={"delivery.timeout.ms": 0})
        reports = DeliveryReports()
        try:
            for messages in batch:
                self._send(self._internal, messages, reports)
            self._flush(self._internal)
            reports.check()
        except Transient as error:
            # What is still queued must not be written after the second try: readers would see a hole.
            self._internal.purge()
            self._internal.flush(_CALL_SECONDS)
            self._internal = None
            raise Transient(f"internal messages not acknowledged: {error}") from error

    def _send(self, producer: Producer, messages: Messages, reports: DeliveryReports | None) -> None:
        topic = self._names.get(messages.stream)
        if topic is None:
            topic = self._names[messages.stream] = topic_name(self._settings, messages.stream)
        headers = list(messages.headers)
        produce: Callable[..., None] = producer.produce
        if reports is not None:
            produce = partial(produce, on_delivery=reports)
        for key, value in zip(messages.keys, messages.values, strict=True):
            while True:
                try:
                    produce(topic, value, key, headers=headers)
                except BufferError:
                    self._make_room(producer)
                else:
                    break

    def _make_room(self, producer: Producer) -> None:
        """Wait until fewer messages are queued."""
        before, began = len(producer), time.monotonic()
        while len(producer) >= before:
            self._waits(began, before)
            producer.poll(_POLL_SECONDS)

    def _flush(self, producer: Producer) -> None:
        """Wait until every message is acknowledged, or has failed."""
        began = time.monotonic()
        while waiting := producer.flush(_CALL_SECONDS):
            self._waits(began, waiting)
        if self._stuck:
            self._stuck = False
            HEALTH.report("output", True, "acknowledged again")

    def _waits(self, began: float, messages: int) -> None:
        """Say in health, and once in the log, that brokers take nothing. Raises Stopped."""
        beat()
        if self._stop.is_set():
            raise Stopped("stopped while the brokers acknowledged nothing")
        seconds = time.monotonic() - began
        if seconds < _CALL_SECONDS:
            return
        HEALTH.report(
            "output",
            False,
            f"{messages} messages wait for Kafka since {seconds:.0f} s: are enough replicas in sync?",
        )
        if not self._stuck:
            self._stuck = True
            _log.warning("kafka acknowledges nothing", messages=messages, id=self._transactional_id)
