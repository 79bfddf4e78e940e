"""Blocks that every stage and the sink refused, and a removal that they refused, are made right again."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse.migrations.runner import load
from headwater.settings import StageSettings
from tests.integration.checks import STREAMS, check_consumer, check_verify, states_settled
from tests.integration.downstream import messages
from tests.integration.line import Line

# The parts of repair, of which this is the proof that they fit together.
_PARTS = {
    "stages.refuse_blocks": "refuse_blocks" in StageSettings.model_fields,
    "the listener's answer": importlib.util.find_spec("connectors.evm.repair") is not None,
    "canonical.repairs": any(".repairs" in each.sql for each in load(None)),
}
_ABSENT = ", ".join(name for name, here in _PARTS.items() if not here)
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(_ABSENT), reason=f"not here yet: {_ABSENT}"),
]
# Every bad row and event is a letter here, however many they are among few.
PATIENT = {"HEADWATER_SINK__MAX_BAD_RATIO": "1", "HEADWATER_STAGES__MAX_BAD_RATIO": "1"}
STANDINGS = ("repaired", "failed again", "under way", "refused")


def start(directory: Path, *refused: str) -> Line:
    """The line over one directory, its stages refusing these blocks."""
    variables = PATIENT | ({"HEADWATER_STAGES__REFUSE_BLOCKS": ",".join(refused)} if refused else {})
    arguments = ("--traffic", "15", "--seed", "11", "--start", "earliest")
    return Line(directory, *arguments, variables=variables).start()


def replay(line: Line, *words: str, code: int) -> dict[str, Any]:
    done = line.command("replay", *words, "--json")
    assert done.returncode == code, f"{done.returncode}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def standings(line: Line) -> dict[str, str]:
    """What canonical.repairs says of each request."""
    done = line.command("sql", "SELECT * FROM canonical.repairs", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    return {row["request_id"]: next(value for value in row.values() if value in STANDINGS) for row in rows}


def altered(line: Line, statement: str) -> None:
    done = line.command("sql", f"ALTER TABLE headwater.transactions {statement}")
    assert done.returncode == 0, done.stderr


def stages(found: dict[str, Any], number: int) -> set[str]:
    return {each["stage"] for each in found["letters"] if each["block_number"] == number}


def reached(line: Line, number: int) -> bool:
    return int(line.rpc("eth_blockNumber"), 16) >= number


def refused_by_stages_and_sink(directory: Path) -> int:
    """Blocks 4 to 6 are refused by a stage each, another by the sink; its number.

    And replayed too soon: the repair of block 4 fails like the block, and leaves things as they were.
    """
    line = start(directory, "normalize:4", "enrich:5", "state:6")
    try:
        number = int(line.rpc("eth_blockNumber"), 16) + 5
        altered(line, f"ADD CONSTRAINT refused CHECK block_number != {number}")
        line.wait_until(lambda: reached(line, number + 2), "the sink's block is mined", 120)
        line.wait_settled(line.freeze())
        found = replay(line, code=2)
        assert stages(found, 4) == {"normalize"}
        assert stages(found, 5) == {"enrich"}
        assert stages(found, 6) == {"state"}
        assert stages(found, number) == {"sink"}
        assert {each["block_number"] for each in found["requests"]} == {4, 5, 6, number}
        early = replay(line, "--block", "4", "--stage", "normalize", "--yes", code=0)
        (asked,) = early["requests"]
        assert asked["outcome"]["outcome"] == "PUBLISHED"

        def failed() -> bool:
            letters = replay(line, "--block", "4", code=2)["letters"]
            return "FAILED" in {each["became"] for each in letters}

        line.wait_until(failed, "the repair fails again", 60)
        line.wait_until(
            lambda: standings(line)[asked["request_id"]] == "failed again", "the view says so", 60
        )
        assert line.command("verify", "--json", "--patience", "2").returncode == 1
        assert line.stop() == 0
    finally:
        line.end()
    return number


def refused_removal(directory: Path) -> tuple[int, str]:
    """A fork whose orphans' removal each stage refuses for one block; the highest orphan."""
    line = start(directory)
    try:
        line.wait_until(lambda: (line.visible() or (0, ""))[0] >= 3, "blocks are visible", 120)
        head = line.freeze()
        line.wait_settled(head)
        assert line.stop() == 0
    finally:
        line.end()
    number = head[0]
    line = start(directory, f"normalize:{number}", f"enrich:{number - 1}", f"state:{number - 2}")
    try:
        depth = line.freeze()[0] - number + 4
        line.reorg(depth)
        line.wait_until(lambda: reached(line, number + 2), "the fork is longer", 60)
        line.wait_until(
            lambda: {each["block_hash"] for each in replay_any(line)["letters"]} >= {head[1]},
            "the orphan's removal is a letter",
            60,
        )
        assert line.stop() == 0
    finally:
        line.end()
    return head


def replay_any(line: Line) -> dict[str, Any]:
    done = line.command("replay", "--json")
    assert done.returncode in (0, 2), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_was_refused_is_right_after_a_replay(tmp_path: Path) -> None:
    directory = tmp_path / "line"
    refused_by_stages_and_sink(directory)
    orphan = refused_removal(directory)

    line = start(directory)
    try:
        altered(line, "DROP CONSTRAINT refused")
        assert orphan[1] in {each["block_hash"] for each in replay(line, code=2)["requests"]}
        asked = replay(line, "--yes", code=0)["requests"]
        outcomes = {each["block_hash"]: each["outcome"] for each in asked}
        assert {each["outcome"] for each in outcomes.values()} == {"PUBLISHED"}
        assert outcomes[orphan[1]]["removed"] is True
        mine = {each["request_id"] for each in asked}

        def repaired() -> bool:
            found = standings(line)
            return {found.get(each) for each in mine} == {"repaired"}

        line.wait_until(repaired, "every block is repaired", 120)
        assert replay(line, code=0)["requests"] == []
        head = line.freeze()
        line.wait_settled(head)
        line.wait_until(lambda: states_settled(line), "the states have settled", 60)
        check_verify(line)
        incomplete = "SELECT count() FROM headwater.coverage FINAL WHERE NOT complete AND NOT removed"
        assert [int(each) for each, *_ in line.sql(incomplete)] == [0]
        # Retractions of rows that were never published are among the messages: the rule passes over them.
        check_consumer(line, 0, head[0], {stream: messages(line.settings, stream) for stream in STREAMS})
        assert line.stop() == 0
    finally:
        line.end()
