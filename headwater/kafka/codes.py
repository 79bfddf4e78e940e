"""What an error of Kafka's allows: the only lists of codes, each with one meaning."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError

SILENT: Final = frozenset(
    (
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
    )
)
"""No broker answered."""

NO_LEADER: Final = frozenset((KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE))
"""A broker that has just started, or a partition that moves, has no leader for a moment."""

UNREADABLE: Final = frozenset((KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET))
"""The partition does not hold the offset that was asked for."""

_PASSING: Final = NO_LEADER | {
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NOT_CONTROLLER,
    KafkaError.INVALID_REPLICATION_FACTOR,  # while a broker is still joining
    # A leader is changing, or does not know yet that it is one.
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
}
_DENIED: Final = frozenset(
    (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_VERSION,
    )
)
_REJECTED: Final = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    )
)
_TOO_LARGE: Final = frozenset((KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE))
_FENCED: Final = frozenset(
    (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)
)


def passes(error: KafkaError) -> bool:
    """Whether a request that a broker refused may be granted later."""
    return error.retriable() or error.code() in _PASSING


def ends_reading(error: KafkaError) -> bool:
    """Whether a consumer that heard this will never read again as it is."""
    return error.fatal() or error.code() in _DENIED


def rejects_message(error: KafkaError) -> bool:
    """Whether a delivery failed for a reason that no other try of the same message cures."""
    return error.code() in _REJECTED


def too_large(error: KafkaError) -> bool:
    """Whether a message is larger than its topic or a broker takes, for as long as those are set so."""
    return error.code() in _TOO_LARGE


def taken_over(error: KafkaError) -> bool:
    """Whether another producer has this one's transactional id by now.

    Once librdkafka has raised its fatal error, that is what all later calls raise, with the reason in words.
    """
    return error.code() in _FENCED or (error.fatal() and "fenced" in str(error).lower())


def same_call_again(error: KafkaError) -> bool:
    """Whether a transactional call may succeed when it is simply made again (librdkafka, Transactional
    producer API: `rd_kafka_error_is_retriable`)."""
    return error.retriable() and not error.fatal()
