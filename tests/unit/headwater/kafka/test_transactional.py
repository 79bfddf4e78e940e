"""Which transactional calls are made again, and that callbacks are served between two of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from headwater import kafka
from headwater.health import HEALTH
from headwater.retry import Stopped
from tests.builders.kafka_errors import of_kafka

AGAIN = of_kafka(KafkaError._TIMED_OUT, retriable=True)


class Callbacks:
    """Stands for a producer whose callbacks are served."""

    def __init__(self) -> None:
        self.served = 0

    def poll(self, timeout: float) -> int:
        self.served += 1
        return 0


class Call:
    """Fails as often as it is given errors; `ready`: what health said at each call."""

    def __init__(self, *errors: KafkaException) -> None:
        self._waiting = list(errors)
        self.ready: list[bool] = []

    def __call__(self) -> None:
        check = HEALTH.checks().get("ledger")
        self.ready.append(check is None or check.ok)
        if self._waiting:
            raise self._waiting.pop(0)


@pytest.fixture(autouse=True)
def _fresh_health() -> Iterator[None]:
    HEALTH.report("ledger", True)
    yield
    HEALTH.report("ledger", True)


def commit(call: Call, stop: threading.Event | None = None) -> Callbacks:
    """Have a call made as a commit is; the callbacks that were served meanwhile."""
    producer = Callbacks()
    calls = kafka.TransactionalCalls("ledger", stop or threading.Event())
    calls(cast(Producer, producer), call, "commit_transaction")
    return producer


def test_a_call_is_made_again_while_it_may_succeed_and_health_says_so() -> None:
    call = Call(AGAIN, AGAIN)
    assert commit(call).served == 2, "callbacks are served between two tries"
    assert call.ready == [True, False, False]
    assert HEALTH.checks()["ledger"].ok


def test_health_recovers_with_the_next_call_where_this_one_is_refused_in_the_end() -> None:
    """As when a group has moved on while brokers were away: the transaction is aborted, and all is well."""
    calls = kafka.TransactionalCalls("ledger", threading.Event())
    producer = cast(Producer, Callbacks())
    with pytest.raises(KafkaException):
        calls(producer, Call(AGAIN, of_kafka(KafkaError.ILLEGAL_GENERATION)), "send_offsets_to_transaction")
    assert not HEALTH.checks()["ledger"].ok
    calls(producer, Call(), "abort_transaction")
    assert HEALTH.checks()["ledger"].ok


def test_a_stop_ends_the_tries() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped, match="commit_transaction"):
        commit(Call(AGAIN), stop)


@pytest.mark.parametrize("facts", [{}, {"retriable": True, "fatal": True}], ids=["final", "fatal"])
def test_a_call_that_cannot_succeed_is_not_made_again(facts: dict[str, bool]) -> None:
    call = Call(of_kafka(KafkaError._STATE, **facts))
    with pytest.raises(KafkaException):
        commit(call)
    assert len(call.ready) == 1
