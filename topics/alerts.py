"""Topics of the alert stage."""

from __future__ import annotations

from topics.spec import DAY_MS, Cleanup, TopicSpec, Visibility

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
    consumers=("public", "sink", "deliver"),
)

ALERTING = (ALERTS,)
