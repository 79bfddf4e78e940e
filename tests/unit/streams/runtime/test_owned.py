"""What only the owner of a stage's partition tells is withdrawn with the partition."""

from __future__ import annotations

from types import ModuleType

import pytest
from prometheus_client import REGISTRY, Gauge

from headwater.metrics import aggregate, alerts, stages
from headwater.settings import load_settings
from streams.agents.state import build
from streams.runtime.owned import OWNED, withdraw
from streams.stage import StageContext
from tests.fakes.stage import current
from topics.groups import group_of

KEPT = {
    stages.STAGE_ACTIVE,  # says itself who has none
    stages.STAGE_GAP,  # of a process that reads on until it closes
    alerts.ALERT_RULES_REFUSED_LAST,
    alerts.ALERT_CONFIGURATION_BEHIND,  # followed with a partition and without
}


@pytest.mark.parametrize("module", [stages, aggregate, alerts], ids=["stages", "aggregate", "alerts"])
def test_each_gauge_of_a_stage_is_withdrawn_or_has_a_reason_to_stay(module: ModuleType) -> None:
    gauges = {each for each in vars(module).values() if isinstance(each, Gauge)}
    assert gauges <= KEPT | set(OWNED)


def test_a_stage_that_takes_its_partition_over_again_tells_them_again() -> None:
    settings = load_settings({"chain": {"name": "owned"}}, environ={})
    stage = build(StageContext(settings, group_of("state"), lambda stream: b"", current))

    def blocks() -> float | None:
        return REGISTRY.get_sample_value("headwater_state_blocks", {"chain": "owned"})

    stage.restore({})
    assert blocks() == 0
    withdraw()
    assert blocks() is None
    stage.restore({})
    assert blocks() == 0
