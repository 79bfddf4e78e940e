"""Real mainnet blocks from the recorded node through the whole line: exactly the rows of ethereum-etl."""

from __future__ import annotations

import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.clickhouse import question
from tests.conformance.etl_comparison import FIELDS, differences
from tests.conformance.real_blocks import rows
from tests.integration.line import HEADWATER, Line

FIRST, LAST = 17_686_110, 17_686_132


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> Path:
    return shared_data / f"mainnet-contiguous-{FIRST}-{LAST}"


@pytest.fixture(scope="module")
def line(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The line after it has followed the recorded node to its head."""
    node = subprocess.Popen(
        [HEADWATER, "node", "serve", str(recording), "--port", "0", "--all-at-once"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert node.stdout is not None
    line = Line(
        tmp_path_factory.mktemp("line"), "--rpc", node.stdout.readline().split()[0], "--start", str(FIRST)
    )
    try:
        line.start()
        line.wait_until(lambda: (line.visible() or (0, ""))[0] == LAST, f"block {LAST} is visible", 60)
        yield line
        assert line.stop() == 0
    finally:
        line.end()
        node.terminate()
        node.wait(10)
        node.stdout.close()


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
