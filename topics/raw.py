"""Topics that the listener writes."""

from __future__ import annotations

from topics.groups import SINK
from topics.spec import BLOCK_BYTES, DAY_MS, Cleanup, TopicSpec, Visibility

RAW_BLOCKS = TopicSpec(
    stream="raw-blocks",
    key="chain id",
    description=(
        "CLAIM, APPLY, REVERT, SAFE, FINALIZED and repairs in one gap-free sequence, with the node's "
        "answers as bytes. Kept for ever by time: the listener deletes what is finalized and older than "
        "seven days."
    ),
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=None,
    visibility=Visibility.INTERNAL,
    owner="listen",
    producers=("listen",),
    consumers=("normalize",),
    max_message_bytes=BLOCK_BYTES,
)

RAW_LINKS = TopicSpec(
    stream="raw-links",
    key="chain id",
    description=(
        "What each message of raw-blocks says without the node's answers, written after it: a listener "
        "that starts reads megabytes less. A copy, which may lack messages: no stage reads it."
    ),
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=7 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="listen",
    producers=("listen",),
    consumers=("listen",),
)

HEADS = TopicSpec(
    stream="heads",
    key="chain id",
    description="The head, the safe or the finalized block moved: a copy for people, no stage decides by it.",
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=7 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="listen",
    producers=("listen",),
    consumers=(SINK, "api"),
)

RAW = (RAW_BLOCKS, RAW_LINKS, HEADS)
