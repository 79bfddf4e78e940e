"""Traffic with forks: the topics, the tables and the node agree at the end."""

from __future__ import annotations

import random
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.checks import check_topics, check_verify
from tests.integration.line import Line, pause
from tests.integration.statistics import check_statistics
from tests.integration.watching import Watcher
from tests.paths import ROOT

FEWEST_FORKS = 3


def _run(line: Line, seconds: float, depths: tuple[int, int], every: float, seed: int) -> None:
    """Fork the local chain again and again, and a few times however slow the machine is."""
    chance = random.Random(seed)
    deadline = time.monotonic() + seconds
    forks = 0
    while time.monotonic() < deadline or forks < FEWEST_FORKS:
        pause(every * chance.uniform(0.5, 1.5))
        line.reorg(chance.randint(*depths))
        forks += 1


def _prove(line: Line, seconds: float, every: float, seed: int) -> None:
    line.wait_until(lambda: int(line.rpc("eth_blockNumber"), 16) > 9, "ten blocks", 60)
    with Watcher(line.endpoints) as watcher:
        _run(line, seconds, (1, 8), every, seed)
        # A look takes as long as the machine lets it; those that count are made while the chain moves.
        line.wait_until(lambda: watcher.looks > 3, "the views were looked at", 120)
        line.freeze()
        head = line.close_windows()
        line.wait_settled(head)
    assert watcher.partial == []
    check_verify(line)
    check_topics(line, 0, head[0])
    check_statistics(line)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """One instance for the tests of this module: first its examples, then its proof."""
    line = Line(tmp_path_factory.mktemp("line") / ".headwater", "--traffic", "15", "--start", "earliest")
    try:
        yield line.start()
    finally:
        line.end()


def test_the_examples_of_the_readme_answer(line: Line) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for name, content in re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (line.directory.parent / name).write_text(content, "utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = [command for block in blocks for command in block.splitlines()]
    assert len(commands) > 8
    for command in commands:
        program, *words = shlex.split(command)
        assert program in ("headwater", "curl")
        if program == "curl" and shutil.which("curl") is None:
            continue
        if words[:2] == ["node", "reorg"]:
            line.wait_until(lambda: line.alerts("PROVISIONAL", "gold-moves") > 0, "the rule fires", 60)
        # From the folder that holds .headwater, as the README says.
        done = line.command(*words, folder=line.directory.parent, program=program)
        assert done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-500:]}"
        assert done.stdout.strip(), f"{command} prints nothing"
        if words[:2] == ["node", "reorg"]:
            line.wait_until(lambda: line.alerts("RETRACTED", "gold-moves") > 0, "the fork takes back", 60)


def test_forks_up_to_eight_deep_leave_exactly_the_nodes_rows(line: Line) -> None:
    _prove(line, seconds=16, every=3, seed=1)
    # What the README's rule said while its examples ran is final by now, and was told as well.
    assert line.alerts("CONFIRMED", "gold-moves") > 0
    told = (line.directory / "logs" / "receiver.log").read_text()
    assert re.search(r"LOW RETRACTED \S+ gold from", told)
    assert line.stop() == 0


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [2])
def test_five_minutes_of_forks(tmp_path: Path, seed: int) -> None:
    line = Line(tmp_path / "line", "--traffic", "15", "--seed", str(seed), "--start", "earliest")
    try:
        _prove(line.start(), seconds=300, every=8, seed=seed)
        assert line.stop() == 0
    finally:
        line.end()
