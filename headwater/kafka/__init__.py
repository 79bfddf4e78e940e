"""Kafka clients: `from headwater import kafka`."""

from headwater.kafka.clients import (
    MAX_MESSAGE_BYTES,
    Option,
    admin,
    ask,
    away,
    consumer,
    producer,
    reach,
    read_range,
    reader,
    tail,
    watermarks,
)

__all__ = [
    "MAX_MESSAGE_BYTES",
    "Option",
    "admin",
    "ask",
    "away",
    "consumer",
    "producer",
    "reach",
    "read_range",
    "reader",
    "tail",
    "watermarks",
]
