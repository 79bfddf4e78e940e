"""A sink that starts with an empty ClickHouse where the start of the topics was deleted."""

from __future__ import annotations

import shutil
import signal

from confluent_kafka import TopicPartition

from connectors.clickhouse.sink.routes import ROUTES
from headwater import kafka
from headwater.settings import Settings
from tests.integration.checks import TABLES, rows, states_settled
from tests.integration.line import Line
from topics.catalog import spec, topic_name
from topics.spec import Cleanup

SECONDS = 30
AFTER_BLOCKS = 25
LEAST_RUN = 5
"""Blocks in a row that must be whole again: after that every partition has had a message of its own."""


def prove_trimmed(line: Line) -> None:
    """Of the blocks after the cut each is as it was, or says that it is incomplete; a run of them verifies.

    The chain stands still when this is called, and after it.
    """
    line.rpc("evm_setIntervalMining", 1)
    line.signal("traffic", signal.SIGCONT)
    cut = line.visible()
    assert cut is not None
    _delete_what_is_there(line.settings)
    _wait_above(line, cut[0] + AFTER_BLOCKS)
    head = _stand_still(line)
    before = {table: rows(line, table) for table in TABLES}
    assert line.stop() == 0
    shutil.rmtree(line.directory / "clickhouse")
    line.start()
    _wait_above(line, head[0])
    last = _stand_still(line)
    assert "messages were deleted from Kafka before they were stored" in line.role_log("sink")
    shown = {int(row[0]) for row in line.sql("SELECT block_number FROM canonical.blocks")}
    for table, had in before.items():
        now = [row for row in rows(line, table) if row[0] <= head[0]]
        assert now == [row for row in had if row[0] in shown], f"canonical.{table}"
    query = "SELECT block_number FROM headwater.coverage FINAL WHERE NOT complete AND problem LIKE '%Refill%'"
    told = {int(row[0]) for row in line.sql(query)}
    missing = set(range(cut[0] + 1, last[0] + 1)) - shown
    assert missing <= told, f"neither whole nor said to be incomplete: {sorted(missing - told)}"
    first, end = _longest_run(shown)
    assert end - first >= LEAST_RUN, f"shown are {sorted(shown)}"
    done = line.command("verify", "--json", "--from", str(first), "--to", str(end))
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _delete_what_is_there(settings: Settings) -> None:
    """All messages that the public topics hold now, as if their time were over."""
    ends = [
        TopicPartition(topic_name(settings, route.stream), partition, -1)
        for route in ROUTES
        for partition in range(spec(route.stream).partitions)
        if spec(route.stream).cleanup is not Cleanup.COMPACT
    ]
    for deleted in kafka.admin(settings).delete_records(ends).values():
        deleted.result(SECONDS)


def _stand_still(line: Line) -> tuple[int, str]:
    head = line.freeze()
    line.wait_settled(head)
    line.wait_until(lambda: states_settled(line), "the states have settled", 60)
    return head


def _wait_above(line: Line, number: int) -> None:
    line.wait_until(lambda: (line.visible() or (0, ""))[0] > number, f"block {number + 1} is visible", 120)


def _longest_run(numbers: set[int]) -> tuple[int, int]:
    """First and last of the longest series without a hole."""
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    return max(zip(sorted(starts), sorted(ends), strict=True), key=lambda run: run[1] - run[0])
