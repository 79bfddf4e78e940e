"""What the sink says of its lag is what waits, not what it has not asked about yet."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.progress import OffsetTracker
from connectors.clickhouse.sink.report import Report

PLACED, UNPLACED = Partition("report", 0), Partition("report", 1)


def lag(partition: Partition) -> float | None:
    place = {"topic": partition.topic, "partition": str(partition.number)}
    return REGISTRY.get_sample_value(
        "headwater_consumer_lag", {"chain": "reported", "group": "sink", **place}
    )


def test_a_partition_that_is_not_placed_yet_has_no_lag() -> None:
    """While ClickHouse was away at a rebalance, all that the topic holds was lag."""
    progress, subject = OffsetTracker(), Report("reported", "sink")
    progress.assign([PLACED, UNPLACED])
    progress.begin({PLACED: 90})
    ends = {PLACED: 100, UNPLACED: 40_000_000}
    subject.write(0.0, ["ClickHouse is away"], "", 0, 0, ends, progress)
    assert (lag(PLACED), lag(UNPLACED)) == (10, None)
    progress.begin({UNPLACED: 39_999_000})
    subject.write(1.0, [], "", 0, 0, ends, progress)
    assert (lag(PLACED), lag(UNPLACED)) == (10, 1_000)


@pytest.mark.parametrize(("failing", "waits"), [(["ClickHouse is away"], ""), ([], "ClickHouse is away")])
def test_a_sink_that_cannot_write_or_find_where_to_begin_is_paused(failing: list[str], waits: str) -> None:
    """Behind a rebalance it has no rows to write, so that none fails."""
    subject = Report("reported", "sink")
    for seconds, (fails, cannot_begin, paused) in enumerate([(failing, waits, 1), ([], "", 0)]):
        subject.write(seconds, fails, cannot_begin, 0, 0, {}, OffsetTracker())
        assert REGISTRY.get_sample_value("headwater_sink_paused", {"chain": "reported"}) == paused
