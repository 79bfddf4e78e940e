"""What a sink that is started again knows of the rows before."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.recent import recent_rows
from headwater.errors import Fatal, Permanent, Transient
from tests.fakes.clickhouse import FakeClient

LOGS = [Partition("x.logs.v1", number) for number in range(4)]


def test_each_partition_has_its_share_of_the_window() -> None:
    client = FakeClient([("x.logs.v1", 7)])
    positions = {LOGS[0]: 50_000, LOGS[1]: 900, LOGS[2]: 0, LOGS[3]: 2_600, Partition("x.blocks.v1", 0): 30}
    found = recent_rows(client, "db", positions)  # type: ignore[arg-type]
    assert found == {"x.logs.v1": (2_500 + 900 + 0 + 2_500, 7), "x.blocks.v1": (30, 0)}
    ((sql, parameters),) = client.asked
    assert parameters == {"t0": "x.blocks.v1", "t1": "x.logs.v1"}
    assert "(topic = {t1:String} AND partition = 0 AND offset >= 47500)" in sql
    assert "(topic = {t1:String} AND partition = 3 AND offset >= 100)" in sql


def test_more_bad_than_rows_is_a_process_that_ended_before_it_said_how_far_it_was() -> None:
    client = FakeClient([("x.logs.v1", 20)])
    assert recent_rows(client, "db", {LOGS[0]: 5}) == {"x.logs.v1": (20, 20)}  # type: ignore[arg-type]


def test_a_fresh_sink_asks_nothing() -> None:
    client = FakeClient()
    assert recent_rows(client, "db", {}) == {}  # type: ignore[arg-type]
    assert client.asked == []


def test_clickhouse_is_waited_for() -> None:
    client = FakeClient(error=OperationalError("away"))
    with pytest.raises(Transient, match="cannot read from ClickHouse"):
        recent_rows(client, "db", {LOGS[0]: 5})  # type: ignore[arg-type]


def test_a_sink_that_is_started_again_and_again_sets_no_more_aside() -> None:
    """A trickle of bad rows in small batches: each start would be good for twenty of them."""
    stored = letters = 0
    for _ in range(9):
        client = FakeClient([("x.logs.v1", letters)])
        limit = BadRowLimit("logs", 0.2)
        limit.go_on_from(*recent_rows(client, "db", {LOGS[0]: stored})["x.logs.v1"])  # type: ignore[arg-type]
        stopped = False
        while not stopped:
            try:
                limit.check(1, 1, Permanent("bad"))
            except Fatal:
                stopped = True
            else:
                limit.done(1, 1)
                stored, letters = stored + 1, letters + 1
    assert (stored, letters) == (20, 20)
