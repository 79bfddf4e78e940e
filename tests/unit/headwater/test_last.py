"""What was last counted is told with its time, by the labels that an alert asks for."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from headwater import clock
from headwater.metrics.last import count


def test_a_first_count_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    counter = Counter("x", "", ["chain", "channel", "state"], registry=registry)
    last = Gauge("x_last_timestamp_seconds", "", ["chain", "channel"], registry=registry)
    monkeypatch.setattr(clock, "now_ms", lambda: 7_500)
    count(counter, last, "c", "ops", "dead")
    assert registry.get_sample_value("x_total", {"chain": "c", "channel": "ops", "state": "dead"}) == 1
    assert registry.get_sample_value("x_last_timestamp_seconds", {"chain": "c", "channel": "ops"}) == 7.5
