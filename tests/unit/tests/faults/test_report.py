"""The table says what was seen, and what is wrong with it, in words and for scripts."""

from __future__ import annotations

import json

from tests.faults.alerts import Alert
from tests.faults.course import Seen
from tests.faults.report import Row, as_json, line, table

LATE = Alert("HeadwaterBlocksLate")
GONE = Alert("HeadwaterRoleGone", (("role", "sink"),))
ROWS = [
    Row("sink killed", "HeadwaterRoleGone (role=sink)", Seen(18.04, 3.25, beside=frozenset({LATE}))),
    Row("Kafka paused", "HeadwaterHeadStalled", Seen(beside=frozenset({GONE}))),
    Row("node cut off", "HeadwaterNodeFailing", Seen(30.0, stays=frozenset({LATE, GONE}))),
    Row("disk full", "HeadwaterSinkPaused", None, "no small disk"),
    Row("listen paused", "HeadwaterListenerGone", Seen(before=frozenset({LATE}))),
]


def test_the_table_has_a_line_for_each_fault() -> None:
    told = table(ROWS, 20, 90)
    lines = [
        [cell.strip() for cell in each.strip("|").split("|")] for each in told.splitlines() if "|" in each
    ]
    assert len({len(each) for each in told.splitlines() if each.startswith("|")}) == 1
    assert lines[2:] == [
        ["sink killed", "HeadwaterRoleGone (role=sink)", "18 s", "3 s", "HeadwaterBlocksLate"],
        ["Kafka paused", "HeadwaterHeadStalled", "", "", "DID NOT FIRE; HeadwaterRoleGone (role=sink)"],
        [
            "node cut off",
            "HeadwaterNodeFailing",
            "30 s",
            "",
            "DID NOT CLEAR; STAYS: HeadwaterBlocksLate, HeadwaterRoleGone (role=sink)",
        ],
        ["disk full", "HeadwaterSinkPaused", "", "", "not tried: no small disk"],
        [
            "listen paused",
            "HeadwaterListenerGone",
            "",
            "",
            "NOT TRIED, this fires already: HeadwaterBlocksLate",
        ],
    ]
    assert told.splitlines()[-1] == (
        "1 of 4 faults fired their alert and cleared; time lapse 20, all of it took 1.5 min"
    )


def test_a_script_gets_the_same() -> None:
    made = json.loads(as_json(ROWS, 20, 90.04))
    assert (made["time_lapse"], made["seconds"], made["passed"]) == (20, 90.0, False)
    assert [each["passed"] for each in made["faults"]] == [True, False, False, True, False]
    assert made["faults"][0] == {
        "fault": "sink killed",
        "alert": "HeadwaterRoleGone (role=sink)",
        "passed": True,
        "untried": None,
        "fires": 18.0,
        "clears": 3.2,
        "beside": ["HeadwaterBlocksLate"],
        "stays": [],
        "before": [],
    }
    assert made["faults"][3]["untried"] == "no small disk"
    assert json.loads(as_json(ROWS[:1], 20, 1))["passed"] is True


def test_a_line_rounds_the_seconds_and_leaves_out_what_did_not_come() -> None:
    assert line(Row("Kafka paused", "X", Seen(16.569, 2.04)), 40) == (
        "  0.7 min  Kafka paused: X: fires after 17 s, clears after 2 s"
    )
    assert line(Row("Kafka paused", "X", Seen(16.569)), 40) == (
        "  0.7 min  Kafka paused: X: fires after 17 s; DID NOT CLEAR"
    )
