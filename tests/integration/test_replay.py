"""Blocks that every stage and the sink refused, and a removal that they refused, are made right again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.evm.rpc import once
from tests.integration.checks import check_stream, check_topics, check_verify, states_settled
from tests.integration.command_process import end
from tests.integration.line import Line, pause
from tests.integration.statistics import check_statistics

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
# Every bad row and event is a letter here, however many they are among few.
PATIENT = {"HEADWATER_SINK__MAX_BAD_RATIO": "1", "HEADWATER_STAGES__MAX_BAD_RATIO": "1"}
WAITING_LOOKS = 1_200
STAGES = ("normalize", "enrich", "state", "aggregate", "alert")
STANDINGS = ("repaired", "failed again", "under way", "refused")


class Refusals:
    """One directory over a chain of its own, which goes on only when told, and stages that refuse blocks."""

    def __init__(self, directory: Path, chain: str) -> None:
        self._directory = directory
        self._chain = chain

    @contextmanager
    def line(self, *refused: str) -> Iterator[Line]:
        """The pipeline, its stages refusing these blocks; stopped afterwards."""
        variables = PATIENT | ({"HEADWATER_STAGES__REFUSE_BLOCKS": ",".join(refused)} if refused else {})
        line = Line(self._directory, "--rpc", self._chain, "--start", "earliest", variables=variables)
        try:
            yield line.start()
            assert line.stop() == 0
        finally:
            line.end()


def replay(line: Line, *words: str, codes: tuple[int, ...] = (0, 2)) -> dict[str, Any]:
    """What `headwater replay` says for scripts; asserts the exit code."""
    done = line.command("replay", *words, "--json")
    assert done.returncode in codes, f"{done.returncode}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def standings(line: Line) -> dict[str, str]:
    """What canonical.repairs says of each request."""
    done = line.command("sql", "SELECT * FROM canonical.repairs", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    return {row["request_id"]: next(each for each in row.values() if each in STANDINGS) for row in rows}


def altered(line: Line, change: str) -> None:
    done = line.command("sql", f"ALTER TABLE headwater.transactions {change}")
    assert done.returncode == 0, done.stderr


def stages(found: dict[str, Any], number: int) -> set[str]:
    return {each["stage"] for each in found["letters"] if each["block_number"] == number}


def reached(line: Line, number: int) -> bool:
    return int(line.rpc("eth_blockNumber"), 16) >= number


def transactions(line: Line, block: str) -> bool:
    return int(line.rpc("eth_getBlockTransactionCountByNumber", block), 16) > 0


def full_blocks(chain: str) -> int:
    """The first of as many blocks with transactions as there are stages: only such can be refused."""

    def full(number: int) -> bool:
        count = once.ask(chain, "eth_getBlockTransactionCountByNumber", hex(number))
        return count is not None and int(str(count), 16) > 0

    number = 0
    for _ in range(WAITING_LOOKS):
        if all(full(number + each) for each in range(len(STAGES))):
            return number
        if int(str(once.ask(chain, "eth_blockNumber")), 16) > number + len(STAGES):
            number += 1
        else:
            pause(0.1)
    raise AssertionError("no traffic: blocks with transactions never came one after the other")


def refused_by_the_sink(line: Line) -> tuple[int, set[int]]:
    """A height whose transactions cannot be inserted: the table said so before the block was mined.

    Another one is tried where that came too late, and where the block is empty, since the sink can refuse
    only rows. Of these the sink may have refused some, where it was behind: they are told as well.
    """
    ahead, others = 5, set[int]()
    while ahead < 200:
        number = int(line.rpc("eth_blockNumber"), 16) + ahead
        altered(line, f"ADD CONSTRAINT refused CHECK block_number != {number}")
        in_time = not reached(line, number)
        line.wait_until(lambda wanted=number: reached(line, wanted + 2), "the sink's block is mined", 180)
        if in_time and transactions(line, hex(number)):
            return number, others
        others.add(number)
        altered(line, "DROP CONSTRAINT refused")
        ahead = ahead if in_time else 2 * ahead
    raise AssertionError("the table never said in time which block it refuses")


def refused_blocks(line: Line, first: int) -> tuple[int, str]:
    """Blocks are refused by a stage each, a later one by the sink; the head of the chain.

    And replayed too soon: the repair of the first one fails like the block did, and that is said.
    """
    line.wait_until(lambda: transactions(line, "latest"), "traffic flows", 120)
    number, others = refused_by_the_sink(line)
    head = line.freeze()
    line.wait_settled(head)
    found = replay(line, codes=(2,))
    by_stage = range(first, first + len(STAGES))
    assert [stages(found, each) for each in by_stage] == [{each} for each in STAGES]
    assert stages(found, number) == {"sink"}
    assert {each["block_number"] for each in found["requests"]} - others == {*by_stage, number}
    (asked,) = replay(line, "--block", str(first), "--stage", "normalize", "--yes", codes=(0,))["requests"]
    assert asked["outcome"]["outcome"] == "PUBLISHED"

    def failed() -> bool:
        return "FAILED" in {each["became"] for each in replay(line, "--block", str(first))["letters"]}

    line.wait_until(failed, "the repair fails again", 60)
    identity = asked["request_id"]
    line.wait_until(lambda: standings(line).get(identity) == "failed again", "the view says so", 60)
    assert line.command("verify", "--json", "--patience", "2").returncode == 1
    return head


def refused_removals(line: Line, head: tuple[int, str], stateless: int) -> None:
    """A fork; the removal of an orphan each, and the block in its place, are refused by a stage each."""
    line.reorg(len(STAGES) + 1)
    line.wait_until(lambda: reached(line, head[0] + 2), "the fork is longer", 60)
    line.wait_settled(line.freeze())

    def removal_is_a_letter() -> bool:
        return head[1] in {each["block_hash"] for each in replay(line)["letters"]}

    line.wait_until(removal_is_a_letter, "the orphan's removal is a letter", 60)
    found = check_stream(line, but=("incomplete", "state-missing", "state-stands"))["findings"]
    incomplete = {each["block_hash"] for each in found if each["kind"] == "incomplete"}
    assert head[1] in incomplete, "the records of the orphan stay, and that is told"
    told = {each["number"] for each in found if each["kind"] != "incomplete"}
    # Of the removal it cannot tell where a later state of the same transaction may have compacted it away.
    assert stateless in told <= {stateless, head[0] - 2}, "what the state stage refused has no states"


def test_what_was_refused_is_right_after_a_replay(make_chain: Callable[..., str], tmp_path: Path) -> None:
    chain = make_chain(block_seconds=1)
    words = ("--rpc", chain, "--rate", "15", "--seed", "11", "--reorg-every", "0")
    with (tmp_path / "traffic.log").open("wb") as log:
        traffic = subprocess.Popen([sys.executable, "-m", "sandbox.traffic", *words], stdout=log, stderr=log)
    try:
        prove(Refusals(tmp_path / "line", chain), full_blocks(chain))
    finally:
        end(traffic, 20)


def prove(refusals: Refusals, first: int) -> None:
    with refusals.line(*(f"{stage}:{first + place}" for place, stage in enumerate(STAGES))) as line:
        head = refused_blocks(line, first)
    top = head[0]
    with refusals.line(*(f"{stage}:{top - place}" for place, stage in enumerate(STAGES))) as line:
        refused_removals(line, head, first + 2)
    with refusals.line() as line:
        altered(line, "DROP CONSTRAINT refused")
        asked = replay(line, "--yes", codes=(0,))["requests"]
        outcomes = {each["block_hash"]: each["outcome"] for each in asked}
        assert {each["outcome"] for each in outcomes.values()} == {"PUBLISHED"}
        assert outcomes[head[1]]["removed"] is True
        mine = {each["request_id"] for each in asked}

        def repaired() -> bool:
            found = standings(line)
            return {found.get(each) for each in mine} == {"repaired"}

        line.wait_until(repaired, "every block is repaired", 120)
        assert replay(line, codes=(0,))["requests"] == []
        line.rpc("evm_setIntervalMining", 1)
        line.wait_until(lambda: reached(line, top + 6), "the chain goes on", 60)
        end = line.close_windows()
        line.wait_settled(end)
        line.wait_until(lambda: states_settled(line), "the states have settled", 60)
        check_statistics(line)
        check_verify(line)
        incomplete = "SELECT count() FROM headwater.coverage FINAL WHERE NOT complete AND NOT removed"
        assert [int(count) for count, *_ in line.sql(incomplete)] == [0]
        # Retractions of rows that nobody saw are among the messages: the blocks had failed before.
        check_topics(line, 0, end[0])
