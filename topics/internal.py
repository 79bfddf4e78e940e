"""Topics between stages: the block is the message."""

from __future__ import annotations

from headwater.kafka import HEADER_BYTES
from topics.groups import DELIVER, SINK
from topics.spec import BLOCK_BYTES, DAY_MS, Cleanup, TopicSpec, Visibility

NORMALIZED_BLOCKS = TopicSpec(
    stream="normalized-blocks",
    key="chain id",
    description="One event of raw-blocks; for a block its header, transactions, receipts and logs, typed.",
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=3 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="normalize",
    producers=("normalize",),
    consumers=("enrich",),
    max_message_bytes=BLOCK_BYTES,
)

ENRICHED_BLOCKS = TopicSpec(
    stream="enriched-blocks",
    key="chain id",
    description="A normalised event with its token transfers and contract creations.",
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=3 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="enrich",
    producers=("enrich",),
    consumers=("state", "aggregate", "alert"),
    max_message_bytes=BLOCK_BYTES,
)

DEAD_LETTERS = TopicSpec(
    stream="dead-letters",
    key="key of the original message",
    description="What a stage could not handle: the original bytes, with `__connect.errors.*` headers.",
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=30 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="every stage",
    producers=("normalize", "enrich", "state", "aggregate", "alert", SINK, DELIVER),
    consumers=(SINK,),
    schema=False,
    stateful=False,
    # The largest message of another topic, and the headers that say what was wrong with it.
    max_message_bytes=BLOCK_BYTES + HEADER_BYTES,
)

STAGE_PROGRESS = TopicSpec(
    stream="stage-progress",
    key="stage",
    description="How far a stage has come with its input, for when its output topic has forgotten.",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    visibility=Visibility.INTERNAL,
    owner="every stage without a table",
    producers=("normalize", "enrich"),
    consumers=("normalize", "enrich"),
)

INTERNAL = (NORMALIZED_BLOCKS, ENRICHED_BLOCKS, DEAD_LETTERS, STAGE_PROGRESS)
