"""Topics of the aggregate stage: statistics of windows of block time, and what the stage remembers."""

from __future__ import annotations

from dataclasses import replace

from topics.groups import SINK
from topics.spec import BLOCK_BYTES, DAY_MS, Cleanup, TopicSpec, Visibility

CHAIN_STATS = TopicSpec(
    stream="chain-stats",
    key='window: "<seconds>:<start in ms>"',
    description="What the blocks of a minute or an hour add up to; the highest sequence of a window holds.",
    partitions=4,
    cleanup=Cleanup.COMPACT_DELETE,
    retention_ms=90 * DAY_MS,
    visibility=Visibility.PUBLIC,
    owner="aggregate",
    producers=("aggregate", "stats"),
    consumers=("public", SINK),
)
TOKEN_STATS = replace(
    CHAIN_STATS,
    stream="token-stats",
    key='token address and window: "0x<address>:<seconds>:<start in ms>"',
    description="What the transfers of a token in a minute or an hour add up to.",
)
CONTRACT_STATS = replace(
    CHAIN_STATS,
    stream="contract-stats",
    key='address and window: "0x<address>:<seconds>:<start in ms>"',
    description="Logs, calls and gas of an address in a minute or an hour.",
)
INCOMPLETE_WINDOWS = replace(
    CHAIN_STATS,
    stream="incomplete-windows",
    description="Windows of which earlier snapshots do not hold: a block was repaired, or came late.",
    producers=("aggregate",),
)
AGGREGATE_STATE = TopicSpec(
    stream="aggregate-state",
    key="part of the state",
    description="What the aggregate stage remembers, committed with its messages: read when it starts.",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    visibility=Visibility.INTERNAL,
    owner="aggregate",
    producers=("aggregate",),
    consumers=("aggregate", "stats"),
    max_message_bytes=BLOCK_BYTES,
    segment_bytes=2 * BLOCK_BYTES,
)

STATISTICS = (CHAIN_STATS, TOKEN_STATS, CONTRACT_STATS, INCOMPLETE_WINDOWS, AGGREGATE_STATE)
