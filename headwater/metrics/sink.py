"""The ClickHouse sink's metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from headwater.metrics.buckets import BLOCK_SECONDS, SECONDS

SINK_ROWS = Counter("headwater_sink_rows", "Rows acknowledged by ClickHouse", ["chain", "table"])
SINK_BATCH_ROWS = Histogram(
    "headwater_sink_batch_rows",
    "Rows of an insert",
    ["table"],
    buckets=(1, 10, 100, 1_000, 10_000, 50_000, 100_000),
)
SINK_INSERT_SECONDS = Histogram(
    "headwater_sink_insert_seconds", "Duration of an insert", ["table"], buckets=SECONDS
)
SINK_RETRIES = Counter("headwater_sink_retries", "Inserts tried again", ["table"])
SINK_PAUSED = Gauge(
    "headwater_sink_paused",
    "1 while consumption waits: ClickHouse takes no rows, or does not say where to go on",
    ["chain"],
)
SINK_BUFFERED = Gauge("headwater_sink_buffered_messages", "Messages held in memory", ["chain"])
SINK_HELD_BLOCKS = Gauge(
    "headwater_sink_held_blocks", "Coverage rows waiting for their block's rows", ["chain"]
)
VISIBLE_BLOCKS = Counter(
    "headwater_sink_visible_blocks",
    "Blocks whose rows became visible, those that came again included",
    ["chain"],
)
BLOCK_VISIBLE_SECONDS = Histogram(
    "headwater_block_visible_seconds",
    "From a block's APPLY to its rows being visible, of what was published since this process began",
    ["chain"],
    buckets=SECONDS,
)
BLOCK_AGE_VISIBLE = Histogram(
    "headwater_block_age_visible_seconds",
    "From a block's own timestamp to its rows being visible, of what was published since this process began",
    ["chain"],
    buckets=BLOCK_SECONDS,
)
MOVED_HEIGHT = Gauge(
    "headwater_sink_moved_height",
    "Up to which block rows were moved to the tables of settled rows, by the process that moved last",
    ["chain"],
)
