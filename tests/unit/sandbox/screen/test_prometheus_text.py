"""Reading a role's metrics: the format, quantiles, and what happens over a restart."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from sandbox.screen.prometheus_text import parse, quantile, since


def test_what_prometheus_writes_is_read_back() -> None:
    registry = CollectorRegistry()
    rows = Counter("rows", "Rows", ["table", "note"], registry=registry)
    rows.labels('a "quoted" name', "x,y={}").inc(3)
    rows.labels("logs", "x,y={}").inc(2.5)
    spread = Histogram("spread", "Spread", ["stage"], buckets=(1, 2), registry=registry)
    spread.labels("enrich").observe(1.5)
    found = parse(generate_latest(registry).decode())
    assert found.total("rows_total") == 5.5
    assert found.value("rows_total", table="logs") == 2.5
    assert found.value("rows_total", table="none") is None
    assert found.buckets("spread", stage="enrich") == {1.0: 0.0, 2.0: 1.0, math.inf: 1.0}


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        ({1.0: 0.0, math.inf: 0.0}, 0.5, None),
        ({}, 0.5, None),
        ({1.0: 10.0, 2.0: 20.0, math.inf: 20.0}, 0.5, 1.0),
        ({1.0: 10.0, 2.0: 20.0, math.inf: 20.0}, 0.75, 1.5),
        ({1.0: 0.0, 2.0: 1.0, math.inf: 10.0}, 0.99, 2.0),
    ],
)
def test_quantiles(buckets: dict[float, float], share: float, expected: float | None) -> None:
    assert quantile(buckets, share) == expected


def test_a_restarted_process_counts_from_zero() -> None:
    before = {1.0: 5.0, math.inf: 9.0}
    assert since({1.0: 7.0, math.inf: 12.0}, before) == {1.0: 2.0, math.inf: 3.0}
    assert since({1.0: 1.0, math.inf: 2.0}, before) == {1.0: 1.0, math.inf: 2.0}
