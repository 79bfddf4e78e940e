"""The metrics of the aggregate stage: what it remembers."""

from __future__ import annotations

from prometheus_client import Gauge

AGGREGATE_BLOCKS = Gauge(
    "headwater_aggregate_blocks", "Blocks that the aggregate stage remembers one by one", ["chain"]
)
AGGREGATE_ENTITIES = Gauge(
    "headwater_aggregate_entities", "Sums of an entity in the open windows of the aggregate stage", ["chain"]
)
