"""Repeats what Kafka may do at the next try, and says by Fenced or Fatal what it never will."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from confluent_kafka import KafkaException

from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.retry import Backoff, Retry

_log = get_logger("streams.kafka_retry")
_LONGEST_PAUSE_SECONDS: Final = 5.0


class Fenced(Fatal):
    """Another worker took the partition over: whatever this one still writes would be stale."""


class KafkaRetry:
    """The tries of one transactional id; a set `stop` ends them with Stopped."""

    def __init__(self, transactional_id: str, stop: threading.Event) -> None:
        self._transactional_id = transactional_id
        self._stop = stop

    def __call__(self, call: Callable[[], None], what: str) -> None:
        """Repeat what raises Transient. Raises Stopped, Fenced or Fatal, and what else the call raises."""

        def waits(error: Transient, seconds: float) -> None:
            _log.warning("retrying", what=what, seconds=round(seconds, 2), error=str(error))
            HEALTH.report("kafka", False, f"{what}: {error}")

        retry = Retry(
            backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS),
            stop=self._stop,
            on_failure=waits,
            on_recovery=lambda: HEALTH.report("kafka", True),
        )
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
        if kafka.taken_over(cause):
            return Fenced(
                f"another worker took over {self._transactional_id}: this one was paused or cut off",
                remedy="nothing was lost: start it again",
            )
        return Fatal(f"Kafka refused for good: {cause}", remedy="see the brokers' logs, then start it again")
