"""Real mainnet blocks from the recorded node through the whole line.

The rows are exactly those of ethereum-etl, and the alerts of rules exactly what SQL over these rows says.
"""

from __future__ import annotations

import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from headwater.cli.alerting import topic
from schemas import HEADER_SIZE, codec_for
from streams.logic.alerts.compiling import rules_of
from tests.builders.clickhouse import question
from tests.conformance.etl_comparison import FIELDS, differences
from tests.conformance.real_blocks import rows
from tests.integration.analyst import CONFIGURATION, QUESTIONS, RULES
from tests.integration.line import HEADWATER, Line
from tests.integration.second_application import SecondApplication
from tests.integration.worker_process import messages

FIRST, LAST = 17_686_110, 17_686_132


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> Path:
    return shared_data / f"mainnet-contiguous-{FIRST}-{LAST}"


@contextmanager
def served(recording: Path) -> Iterator[str]:
    """The address of a node that serves the recording meanwhile."""
    command = [HEADWATER, "node", "serve", str(recording), "--port", "0", "--all-at-once"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        try:
            assert node.stdout is not None
            yield node.stdout.readline().split()[0]
        finally:
            node.kill()


@pytest.fixture(scope="module")
def line(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The line after it has followed the recorded node to its head."""
    with served(recording) as address:
        line = Line(tmp_path_factory.mktemp("line"), "--rpc", address, "--start", str(FIRST))
        try:
            line.start()
            line.wait_until(lambda: (line.visible() or (0, ""))[0] == LAST, f"block {LAST} is visible", 60)
            yield line
            assert line.stop() == 0
        finally:
            line.end()


@pytest.mark.data
@pytest.mark.parametrize("view", FIELDS)
def test_the_rows_are_the_peers_field_by_field(view: str, line: Line, recording: Path) -> None:
    compared = 0
    for folder in sorted(recording.glob("*/expected_etl")):
        number = int(folder.parent.name)
        column = "number" if view == "blocks" else "block_number"
        query = (
            f"SELECT * FROM ethereum_etl.{view} WHERE {column} = {number} "
            "SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow"
        )
        with urllib.request.urlopen(question(line.endpoints, query), timeout=60) as answer:
            ours = answer.read().decode().splitlines()
        assert differences(view, ours, rows(folder / f"{view}.jsonl.gz")) == {}, number
        compared += 1
    assert compared == 14


@pytest.mark.data
def test_verify_agrees(line: Line) -> None:
    done = line.command("verify", "--from", str(FIRST), "--to", str(LAST))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def alerts(line: Line, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the alert worker says of these blocks when the rules are in force before the first of them.

    The latest version of each: some are confirmed already.
    """
    second = SecondApplication(line.settings, "analyst", tmp_path_factory.mktemp("analyst"))
    second.take_input(line.settings)
    try:
        second.configure({**CONFIGURATION, **{f"rule:{own}": text for own, text in rules_of(RULES, "rules")}})
        second.start("alert")
        second.finish()
    finally:
        second.end()
    codec = codec_for("alerts")
    said: list[dict[str, Any]] = [
        codec.read(each.value or b"", HEADER_SIZE) for each in messages(second.settings, "alerts")
    ]
    assert {each["status"] for each in said} <= {"PROVISIONAL", "CONFIRMED"}
    return list({each["alert_id"]: each for each in sorted(said, key=lambda each: each["version"])}.values())


def _shown(alert: dict[str, Any]) -> tuple[object, ...]:
    """As the analyst's questions answer."""
    own = alert["transaction_hash"]
    counted = alert["values"] if alert["window_start"] is not None else {}
    return (
        sorted(alert["group"].items()),
        None if own is None else f"0x{own.hex()}",
        alert["log_index"],
        alert["window_start"],
        alert["block_number"],
        sorted((name, value) for name, value in counted.items() if name != "incomplete"),
    )


@pytest.mark.data
@pytest.mark.parametrize("rule", QUESTIONS)
def test_alerts_are_what_sql_says(rule: str, line: Line, alerts: list[dict[str, Any]]) -> None:
    columns = "group, transaction_hash, log_index, window_start, block_number, counted"
    expected = [
        (sorted(group.items()), *rest, sorted(counted.items()))
        for group, *rest, counted in line.sql(
            f"SELECT {columns} FROM ({QUESTIONS[rule]}) SETTINGS output_format_json_quote_64bit_integers = 0"
        )
    ]
    assert expected
    found = [_shown(each) for each in alerts if each["rule_id"] == rule]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.data
def test_backtest_gives_the_alerts_of_the_worker(
    line: Line, alerts: list[dict[str, Any]], tmp_path: Path
) -> None:
    topic.write(line.settings, CONFIGURATION)
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    done = line.command("rules", "backtest", str(file), "--from", str(FIRST), "--to", str(LAST), "--json")
    assert done.returncode == 0, done.stderr
    same = ("rule_id", "alert_id", "block_number", "title", "group", "values", "window_start")
    theirs = [tuple(each[name] for name in same) for each in orjson.loads(done.stdout)]
    ours = [
        tuple(f"0x{each[name].hex()}" if name == "alert_id" else each[name] for name in same)
        for each in alerts
    ]
    assert sorted(theirs, key=repr) == sorted(ours, key=repr)
    assert {each["rule_id"] for each in alerts} == set(QUESTIONS)
