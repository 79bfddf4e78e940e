"""Kafka transactions that are tried until they are committed, or until another process has taken over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from headwater import kafka
from headwater.errors import Fatal, HeadwaterError, Transient
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.retry import Backoff, Retry

_CALL_SECONDS: Final = 5.0
# The group has another generation than the one in whose name offsets were to be committed.
_MOVED: Final = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
)
_log = get_logger("connectors.delivery")


class Moved(HeadwaterError):  # noqa: N818 - news, not an error
    """The consumer group has changed: nothing was committed, and what was read is to be read again."""


class Transactions:
    """All calls raise Stopped when `stop` is set meanwhile, and Fatal when Kafka refuses for good."""

    def __init__(self, what: str, stop: threading.Event) -> None:
        self._what = what
        self._persist = kafka.TransactionalCalls("kafka", stop)
        self._whole = Retry(
            backoff=Backoff(ceiling=5.0),
            stop=stop,
            on_failure=_waits,
            on_recovery=lambda: HEALTH.report("kafka", True),
        )

    def begin(self, producer: Producer) -> None:
        """Fence every earlier producer of the transactional id, its open transaction aborted."""
        try:
            self._call(producer, partial(producer.init_transactions, _CALL_SECONDS), "init_transactions")
        except KafkaException as error:
            raise self._fatal(error) from error

    def run(self, producer: Producer, produce: Callable[[], None]) -> None:
        """What `produce` writes is committed when this returns. Raises Moved when `offsets` does."""
        self._whole(lambda: self._once(producer, produce))

    def offsets(self, producer: Producer, next_offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Within `produce`: have the offsets that a consumer goes on at committed with what is written."""
        call = partial(
            producer.send_offsets_to_transaction,
            list(next_offsets),
            consumer.consumer_group_metadata(),
            _CALL_SECONDS,
        )
        self._call(producer, call, "send_offsets_to_transaction")

    def _once(self, producer: Producer, produce: Callable[[], None]) -> None:
        try:
            producer.begin_transaction()
            produce()
            self._call(producer, partial(producer.commit_transaction, _CALL_SECONDS), "commit_transaction")
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise self._fatal(error) from error
            try:
                self._call(producer, partial(producer.abort_transaction, _CALL_SECONDS), "abort_transaction")
            except KafkaException as abortion:
                raise self._fatal(abortion) from abortion
            problem = f"{self._what}: a transaction was aborted: {error.args[0]}"
            raise (Moved if error.args[0].code() in _MOVED else Transient)(problem) from error

    def _call(self, producer: Producer, call: Callable[[], object], name: str) -> None:
        self._persist(producer, call, f"{self._what}: {name}")

    def _fatal(self, error: KafkaException) -> Fatal:
        cause = error.args[0]
        if kafka.taken_over(cause):
            return Fatal(
                f"{self._what}: another process took over: {cause}",
                remedy="nothing: this one starts again as a member of the group",
            )
        return Fatal(f"{self._what}: Kafka refuses the transaction: {cause}", remedy="check topic and ACLs")


def _waits(error: Transient, seconds: float) -> None:
    _log.warning("retrying", seconds=round(seconds, 2), error=str(error))
    HEALTH.report("kafka", False, str(error))
