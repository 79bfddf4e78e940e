"""Topics of the alert stage: alerts, what it is configured by, what it remembers."""

from __future__ import annotations

from topics.groups import DELIVER, SINK
from topics.spec import BLOCK_BYTES, DAY_MS, Cleanup, TopicSpec, Visibility

ALERTS = TopicSpec(
    stream="alerts",
    key="alert id",
    description="A snapshot of an alert; the highest version of an alert id holds.",
    partitions=4,
    cleanup=Cleanup.COMPACT_DELETE,
    retention_ms=90 * DAY_MS,
    visibility=Visibility.PUBLIC,
    owner="alert",
    producers=("alert",),
    consumers=("public", SINK, DELIVER),
)
ALERT_CONFIGURATION = TopicSpec(
    stream="alert-configuration",
    key='"rule:<id>", "list:<name>:<address>" or "label:<address>"',
    description="Rules, lists of addresses and labels, in force from the event before which they are read.",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    visibility=Visibility.INTERNAL,
    owner="command line",
    producers=("rules", "lists", "labels"),
    consumers=("alert", "rules", "lists", "labels"),
    segment_bytes=2 * BLOCK_BYTES,
)
ALERT_STATE = TopicSpec(
    stream="alert-state",
    key="part of the state",
    description="What the alert stage remembers, committed with its alerts: read when it starts.",
    partitions=1,
    cleanup=Cleanup.COMPACT,
    retention_ms=None,
    visibility=Visibility.INTERNAL,
    owner="alert",
    producers=("alert",),
    consumers=("alert",),
    max_message_bytes=BLOCK_BYTES,
    segment_bytes=2 * BLOCK_BYTES,
)

ALERTING = (ALERTS, ALERT_CONFIGURATION, ALERT_STATE)
