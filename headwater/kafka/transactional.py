"""Calls of a transactional producer, made until they have done what they do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from confluent_kafka import KafkaException, Producer

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.kafka.codes import same_call_again
from headwater.logging import get_logger
from headwater.retry import Backoff, Retry

_log = get_logger("headwater.kafka")


class TransactionalCalls:
    """Repeats a call while librdkafka says that the same call may succeed; a set `stop` ends that.

    `component` is what health reports while calls fail, until one succeeds: that may be the next call, where
    this one is refused in the end. Calls wait for brokers themselves, so there is no pause between two of
    them. For one thread.
    """

    def __init__(self, component: str, stop: threading.Event) -> None:
        self._component = component
        self._stop = stop
        self._failing = False

    def __call__(self, producer: Producer, call: Callable[[], object], what: str) -> None:
        """Raises Stopped, and KafkaException when no try of it can succeed."""

        def step() -> None:
            try:
                call()
            except KafkaException as error:
                if not same_call_again(error.args[0]):
                    raise
                raise Transient(f"{what}: {error.args[0]}") from error

        def again(error: Transient, seconds: float) -> None:
            _log.warning("retrying", what=what, error=str(error))
            self._failing = True
            HEALTH.report(self._component, False, str(error))
            # The call serves no callbacks: whether brokers reject us is heard here.
            producer.poll(0)

        Retry(backoff=Backoff(first=0.0, ceiling=0.0), stop=self._stop, on_failure=again)(step)
        if self._failing:
            self._failing = False
            HEALTH.report(self._component, True)
