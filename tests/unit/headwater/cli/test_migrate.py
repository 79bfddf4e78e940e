"""`headwater migrate` without ClickHouse: what it says of tables that a newer version has migrated."""

from __future__ import annotations

import json
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from connectors.clickhouse.migrations.files import parsed
from connectors.clickhouse.migrations.runner import Step
from headwater.cli import build, migrate

STEP = Step(parsed(3, "views", "ethereum", ""), ())


@pytest.mark.parametrize(
    ("steps", "ahead", "says"),
    [
        ((), (), ["Nothing to do: the database is up to date."]),
        (
            (),
            ("0016 wider",),
            [
                "The tables are newer than this version of Headwater, which runs on them: 0016 wider came "
                "after its last migration.",
                "Nothing to do: the database is newer.",
            ],
        ),
        ((STEP,), (), ["0003 views for ethereum"]),
    ],
    ids=["same", "newer", "due"],
)
def test_an_older_version_says_that_nothing_is_to_do(
    monkeypatch: pytest.MonkeyPatch, steps: tuple[Step, ...], ahead: tuple[str, ...], says: list[str]
) -> None:
    monkeypatch.setattr(migrate, "connect", Mock())
    monkeypatch.setattr(migrate, "apply", lambda *_: steps)
    monkeypatch.setattr(migrate, "newer", lambda *_: ahead)
    monkeypatch.setenv("HEADWATER_CHAIN__CHAIN_ID", "1")
    done = CliRunner().invoke(build(["migrate"]), ["migrate"])
    assert (done.exit_code, done.stdout.splitlines()) == (0, says)
    told = json.loads(CliRunner().invoke(build(["migrate"]), ["migrate", "--json"]).stdout)
    assert (told["newer"], len(told["migrations"])) == (list(ahead), len(steps))
