"""Asking brokers: what passes by itself is waited for, within the time, and nothing longer."""

from __future__ import annotations

from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from headwater.kafka.reach import ask

NO_LEADER = KafkaError.NOT_LEADER_FOR_PARTITION
SILENT = KafkaError._TRANSPORT
DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED


class Client:
    """Answers as it is told to: a code fails, None succeeds. A silent one takes all the time it is given."""

    def __init__(self, *answers: int | None) -> None:
        self.now = 100.0
        self.asked: list[float] = []
        self._answers = list(answers)

    def poll(self, seconds: float) -> None:
        self.now += seconds

    def call(self, seconds: float) -> str:
        self.asked.append(seconds)
        code = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if code == SILENT:
            self.now += seconds
        if code is not None:
            raise KafkaException(KafkaError(code))
        return "answered"

    def ask(self, timeout: float) -> str:
        return ask(cast(Any, self), self.call, timeout=timeout, clock=lambda: self.now)


def test_an_answer_is_an_answer() -> None:
    assert Client(None).ask(10) == "answered"


def test_a_partition_without_a_leader_is_asked_for_again() -> None:
    client = Client(*[NO_LEADER] * 7, None)
    assert client.ask(10) == "answered"
    assert client.now == pytest.approx(100.7)


def test_one_that_gets_none_fails_once_the_time_is_over() -> None:
    client = Client(NO_LEADER)
    with pytest.raises(KafkaException, match="NOT_LEADER"):
        client.ask(2)
    assert 101.8 < client.now <= 102


def test_a_broker_that_is_silent_is_looked_at_twice_and_then_waited_for() -> None:
    client = Client(SILENT)
    with pytest.raises(KafkaException, match="_TRANSPORT"):
        client.ask(10)
    assert client.asked == pytest.approx([0.5, 1.5, 8.0])


def test_a_short_time_is_not_overrun() -> None:
    client = Client(SILENT)
    with pytest.raises(KafkaException):
        client.ask(0.4)
    assert client.asked == pytest.approx([0.4])


def test_what_does_not_pass_is_raised_at_once() -> None:
    client = Client(DENIED, None)
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        client.ask(10)
    assert len(client.asked) == 1
