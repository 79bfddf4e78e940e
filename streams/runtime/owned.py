"""Gauges of what a stage has done and remembers: of whoever has its partition, and of nobody else.

Left as they were in a process that lost it, they would be taken for what the stage is like now: panels show
the highest of all processes, and what was forgotten since, or numbered anew, would stay until a restart.
"""

from __future__ import annotations

from typing import Final

from headwater.metrics import aggregate, alerts, stages

OWNED: Final = (
    stages.STAGE_SEQUENCE,
    stages.STAGE_BLOCK,
    stages.STATE_BLOCKS,
    aggregate.AGGREGATE_BLOCKS,
    aggregate.AGGREGATE_ENTITIES,
    alerts.ALERT_RULES,
    alerts.ALERT_RULES_UNINDEXED,
    alerts.ALERT_BLOCKS,
    alerts.ALERT_TRACKS,
)


def withdraw() -> None:
    """Tell none of them until a partition is taken over again; a process runs one stage."""
    for gauge in OWNED:
        gauge.clear()
