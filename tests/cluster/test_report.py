"""The report has each step when it is done, and the table the run before beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.report import Entry, Report, table


def test_a_step_is_there_once_it_is_done(tmp_path: Path) -> None:
    report = Report(tmp_path / "report.json")

    def fails() -> str:
        raise ValueError("no")

    report.timed("install", lambda: "ten pods")
    with pytest.raises(ValueError, match="no"):
        report.timed("upgrade", fails)
    assert [(each.step, each.seen) for each in Report(tmp_path / "report.json").entries()] == [
        ("install", "ten pods")
    ]


def test_the_table_has_the_run_before_beside_this_one() -> None:
    shown = table([Entry("install", 21.04, "ten pods"), Entry("sink up", 30.0, "4 sinks")], {"install": 90.0})
    assert shown.splitlines() == [
        "          this run     before",
        "install     21.0 s     90.0 s  ten pods",
        "sink up     30.0 s             4 sinks",
        "all         51.0 s     90.0 s",
    ]
