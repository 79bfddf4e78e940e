"""Kafka clients, and what may be asked of brokers: `from headwater import kafka`.

Read it in this order: `clients` makes them, `codes` says what their errors allow, `rejections` which of
those heard in the background are the end, `reach` asks brokers with a time-out, `reading` reads offsets
outside any group and `bounds` where partitions lie, `publishing` writes and waits for acknowledgements.
These try no longer than they are told: what failed raises Transient, and whoever called repeats it by
`headwater.retry` (stages: `streams.runtime.kafka_retry`). `transactional` alone repeats by itself, what
must not be given up halfway.
"""

from headwater.kafka.clients import HEADER_BYTES, MAX_MESSAGE_BYTES, Option, admin, consumer, producer, reader
from headwater.kafka.codes import (
    SILENT,
    UNREADABLE,
    ends_reading,
    passes,
    rejects_message,
    taken_over,
    too_large,
)
from headwater.kafka.publishing import Outgoing, publish
from headwater.kafka.reach import ask, away, reach
from headwater.kafka.reading import latest, read_range, tail, watermarks
from headwater.kafka.transactional import TransactionalCalls

__all__ = [
    "HEADER_BYTES",
    "MAX_MESSAGE_BYTES",
    "SILENT",
    "UNREADABLE",
    "Option",
    "Outgoing",
    "TransactionalCalls",
    "admin",
    "ask",
    "away",
    "consumer",
    "ends_reading",
    "latest",
    "passes",
    "producer",
    "publish",
    "reach",
    "read_range",
    "reader",
    "rejects_message",
    "tail",
    "taken_over",
    "too_large",
    "watermarks",
]
