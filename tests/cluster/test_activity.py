"""Of a pair of pods the one is found that works."""

from __future__ import annotations

import pytest

from tests.cluster.activity import PORT, says_it_works
from tests.helm.chart import CHART

STANDS_BY = """\
# HELP headwater_stage_active 1 in the process that has the stage's partition, 0 in one that stands by
# TYPE headwater_stage_active gauge
headwater_stage_active{chain="ethereum",stage="state"} 0.0
headwater_stage_sequence{chain="ethereum",stage="state"} 1.0
"""


def test_one_that_stands_by_does_not_work() -> None:
    assert not says_it_works(STANDS_BY)


@pytest.mark.parametrize("name", ["stage_active", "listener_leads"])
def test_one_that_has_the_partition_or_leads_works(name: str) -> None:
    assert says_it_works(STANDS_BY + f'headwater_{name}{{chain="ethereum"}} 1.0\n')


def test_it_is_asked_where_the_chart_has_its_metrics() -> None:
    assert f"metricsPort: {PORT}\n" in (CHART / "values.yaml").read_text()
