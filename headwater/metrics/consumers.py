"""What all consumers of topics count alike, stages and sink."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

DEAD_LETTERS = Counter(
    "headwater_dead_letters", "Messages sent to the dead letters", ["chain", "stage", "error"]
)
DEAD_LETTERS_LAST = Gauge(
    "headwater_dead_letters_last_timestamp_seconds",
    "When a message was last sent to the dead letters, seconds since 1970",
    ["chain", "stage", "error"],
)
CONSUMER_MESSAGES = Counter("headwater_consumer_messages", "Messages received", ["chain", "group", "topic"])
CONSUMER_REBALANCES = Counter(
    "headwater_consumer_rebalances",
    "Times that a process was told which partitions of its group are its own",
    ["chain", "group"],
)
CONSUMER_LAG = Gauge(
    "headwater_consumer_lag",
    "Messages behind the end of a partition, that of the brokers where it is further than the reader's last "
    "fetch: what is held back on purpose is read",
    ["chain", "group", "topic", "partition"],
)
CONSUMER_LAG_SECONDS = Gauge(
    "headwater_consumer_lag_seconds",
    "How long the first message of a partition has waited that its reader has not finished",
    ["chain", "group", "topic", "partition"],
)
