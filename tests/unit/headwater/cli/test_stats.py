"""`headwater stats rebuild` without Kafka: what is written, exit codes, what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import pytest
from typer.testing import CliRunner

from headwater.cli import build, stats
from headwater.cli.statistics.plan import Plan, Verdict
from streams.logic.event import Messages

HOUR = 1_700_002_800_000
SNAPSHOTS = (Messages("chain-stats", [b"k"], [b"v"], ()),)
REBUILT = Plan((60_000, HOUR), Verdict.REBUILT, 5, 1, messages=SNAPSHOTS)
RIGHT = Plan((60_000, HOUR + 60_000), Verdict.RIGHT, 5)
LACKING = Plan((3_600_000, HOUR), Verdict.LACKING, 9, missing=[(7, 9), (12, 12)])
EARLY = Plan((3_600_000, HOUR), Verdict.EARLY)
Written = list[Sequence[Messages]]


class Publisher:
    """Keeps what is written."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, messages: Sequence[Messages]) -> None:
        self._written.append(messages)


def run(monkeypatch: pytest.MonkeyPatch, plans: Sequence[Plan], *words: str) -> tuple[Any, Written]:
    written: Written = []

    @contextmanager
    def planned(*_: object) -> Iterator[Iterator[Plan]]:
        yield iter(plans)

    monkeypatch.setattr(stats, "_plans", planned)
    monkeypatch.setattr(stats, "Publisher", lambda _: Publisher(written))
    own = ["stats", "rebuild", *words]
    return CliRunner().invoke(build(own), own, env={"COLUMNS": "300"}), written


def test_a_dry_run_writes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    done, written = run(monkeypatch, [REBUILT, RIGHT])
    assert (done.exit_code, written) == (2, []), done.output
    assert "2023-11-14 23:00" in done.output
    assert "1 to rebuild: --yes writes them; 1 are right as they are" in done.output


def test_each_window_is_written_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    done, written = run(monkeypatch, [REBUILT, RIGHT, REBUILT], "--yes", "--json")
    assert (done.exit_code, written) == (0, [SNAPSHOTS, SNAPSHOTS])
    found = json.loads(done.output)
    assert found["written"]
    assert [each["verdict"] for each in found["windows"]] == ["rebuilt", "right", "rebuilt"]


def test_what_is_missing_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    done, written = run(monkeypatch, [REBUILT, LACKING], "--yes")
    assert (done.exit_code, len(written)) == (1, 1)
    assert "lacks blocks 7 to 9, block 12" in done.output
    assert "`headwater replay --from 7 --to 12 --yes`" in done.output


def test_windows_that_have_to_wait_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    done, _ = run(monkeypatch, [EARLY])
    assert (done.exit_code, "1 have to wait" in done.output) == (3, True)
    done, _ = run(monkeypatch, [RIGHT, replace(EARLY, verdict=Verdict.OPEN)])
    assert (done.exit_code, "1 are not final yet" in done.output) == (0, True)
    done, _ = run(monkeypatch, [])
    assert (done.exit_code, "nothing is to be done" in done.output) == (0, True)
