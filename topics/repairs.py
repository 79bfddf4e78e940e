"""Topics of repairs: what operators ask for, and what the listener did about it."""

from __future__ import annotations

from topics.groups import SINK
from topics.spec import DAY_MS, Cleanup, TopicSpec, Visibility

REPAIR_REQUESTS = TopicSpec(
    stream="repair-requests",
    key='block number, with its hash where one is named: "<number>:0x<hash>"',
    description="Blocks that `headwater replay` and `headwater verify --repair` ask to be said again.",
    partitions=1,
    cleanup=Cleanup.DELETE,
    retention_ms=7 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="command line",
    producers=("replay", "verify"),
    consumers=("listen",),
    stateful=False,
)

REPAIRS = TopicSpec(
    stream="repairs",
    key="request id",
    description="What became of a request: the sequence of the event that repairs, or why there is none.",
    partitions=1,
    cleanup=Cleanup.COMPACT_DELETE,
    retention_ms=90 * DAY_MS,
    visibility=Visibility.INTERNAL,
    owner="listen",
    producers=("listen",),
    consumers=("replay", SINK),
    stateful=False,
)

REPAIRING = (REPAIR_REQUESTS, REPAIRS)
