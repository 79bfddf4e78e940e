"""What is tried again against Kafka, what ends a worker, and what delivery reports amount to."""

from __future__ import annotations

import threading
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from headwater.errors import Fatal, Transient
from headwater.retry import Stopped
from streams.logic.event import Position
from streams.runtime.deliveries import DeliveryReports
from streams.runtime.kafka_retry import Fenced, KafkaRetry
from tests.builders.kafka_errors import of_kafka


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def retry(stop: threading.Event) -> KafkaRetry:
    return KafkaRetry("local.enrich.0", stop)


class Call:
    """A call that fails as often as it is given errors, and counts."""

    def __init__(self, *errors: BaseException) -> None:
        self._waiting = list(errors)
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if self._waiting:
            raise self._waiting.pop(0)


def test_what_may_pass_is_tried_until_it_does(retry: KafkaRetry) -> None:
    call = Call(Transient("not now"), Transient("not yet"))
    retry(call, "write")
    assert call.times == 3


def test_a_stop_ends_the_tries(retry: KafkaRetry, stop: threading.Event) -> None:
    stop.set()
    with pytest.raises(Stopped, match="not now"):
        retry(Call(Transient("not now")), "write")


@pytest.mark.parametrize(
    "error",
    [
        of_kafka(KafkaError._FENCED),
        of_kafka(KafkaError.INVALID_PRODUCER_EPOCH),
        of_kafka(KafkaError.PRODUCER_FENCED, fatal=True),
    ],
    ids=lambda error: str(error.args[0].name()),
)
def test_a_fenced_worker_ends_and_says_of_what(retry: KafkaRetry, error: KafkaException) -> None:
    with pytest.raises(Fenced, match=r"another worker took over local\.enrich\.0"):
        retry(Call(error), "transaction")


def test_another_final_error_is_fatal_and_not_a_fence(retry: KafkaRetry) -> None:
    with pytest.raises(Fatal, match="so it is") as caught:
        retry(Call(of_kafka(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, fatal=True)), "start")
    assert not isinstance(caught.value, Fenced)


def test_a_fatal_error_from_within_a_flush_is_recognised(retry: KafkaRetry) -> None:
    raised_in_c = SystemError("returned a result with an exception set")
    raised_in_c.__cause__ = of_kafka(KafkaError._FENCED, fatal=True)
    with pytest.raises(Fenced):
        retry(Call(raised_in_c), "transaction")
    with pytest.raises(SystemError):
        retry(Call(SystemError("something else")), "transaction")


class Delivered:
    """A message at its place in a topic."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        self._topic, self._partition, self._offset = topic, partition, offset

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


def report(reports: DeliveryReports, error: KafkaError | None, topic: str, partition: int, at: int) -> None:
    reports(error, cast(Message, Delivered(topic, partition, at)))


def test_delivery_reports_end_behind_the_last_message_of_each_partition() -> None:
    reports = DeliveryReports()
    for place in (("logs", 1, 7), ("logs", 1, 8), ("blocks", 0, 3)):
        report(reports, None, *place)
    assert reports.positions() == (Position("blocks", 0, 4), Position("logs", 1, 9))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, Fatal),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Fatal),
        (KafkaError._MSG_TIMED_OUT, Transient),
    ],
)
def test_the_first_failure_of_a_delivery_decides(code: int, kind: type[Exception]) -> None:
    reports = DeliveryReports()
    report(reports, of_kafka(code).args[0], "logs", 0, -1)
    report(reports, of_kafka(KafkaError.INVALID_MSG).args[0], "logs", 0, -1)
    report(reports, None, "logs", 0, 5)
    with pytest.raises(kind, match="so it is"):
        reports.positions()
