"""Kafka clients, and what may be asked of brokers: `from headwater import kafka`.

Read it in this order: `clients` makes them, `rejections` says which of their errors are the end, `reach`
asks brokers with a time-out, `reading` reads offsets outside any group, `publishing` writes and waits for
acknowledgements. Nothing here tries for long: what failed raises Transient, and whoever called repeats it
by `headwater.retry`; stages do by `streams.runtime.kafka_retry`.
"""

from headwater.kafka.clients import HEADER_BYTES, MAX_MESSAGE_BYTES, Option, admin, consumer, producer, reader
from headwater.kafka.publishing import Outgoing, publish
from headwater.kafka.reach import ask, away, reach
from headwater.kafka.reading import latest, read_range, tail, watermarks

__all__ = [
    "HEADER_BYTES",
    "MAX_MESSAGE_BYTES",
    "Option",
    "Outgoing",
    "admin",
    "ask",
    "away",
    "consumer",
    "latest",
    "producer",
    "publish",
    "reach",
    "read_range",
    "reader",
    "tail",
    "watermarks",
]
