"""Topics of the delivery of alerts: the ledger, which is the queue too, and the channels."""

from __future__ import annotations

from headwater.kafka import HEADER_BYTES
from topics.groups import DELIVER, SINK
from topics.spec import DAY_MS, Cleanup, TopicSpec, Visibility

DELIVERIES = TopicSpec(
    stream="deliveries",
    key='channel, alert id and version: "<channel>:<alert id>:<version>"; the partition is the channel\'s',
    description="The ledger of deliveries: where each version of an alert stands on each channel.",
    partitions=4,
    cleanup=Cleanup.COMPACT_DELETE,
    retention_ms=90 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner=DELIVER,
    producers=(DELIVER, "deliveries"),
    consumers=(DELIVER, "deliveries", SINK),
    # An alert, whatever its record has, and what became of it.
    max_message_bytes=1_048_576 + HEADER_BYTES,
    # Whoever takes a partition over reads all of it, and only closed segments are compacted.
    segment_bytes=32 * 1024 * 1024,
)
DELIVERY_CHANNELS = TopicSpec(
    stream="delivery-channels",
    key="channel",
    description="The channels that alerts are delivered on, without their secrets.",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    visibility=Visibility.INTERNAL,
    owner="command line",
    producers=("channels",),
    consumers=(DELIVER, "channels"),
)

DELIVERY = (DELIVERIES, DELIVERY_CHANNELS)
