"""Traffic with forks: the topics, the tables and the node agree at the end."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.integration.checks import check_topics, check_verify
from tests.integration.line import Line, pause
from tests.integration.watching import Watcher


def _run(line: Line, seconds: float, depths: tuple[int, int], every: float, seed: int) -> int:
    """Fork the local chain again and again; how often."""
    chance = random.Random(seed)
    deadline = time.monotonic() + seconds
    forks = 0
    while time.monotonic() < deadline:
        pause(every * chance.uniform(0.5, 1.5))
        line.reorg(chance.randint(*depths))
        forks += 1
    return forks


def _proof(directory: Path, seconds: float, every: float, seed: int) -> None:
    line = Line(directory, "--traffic", "15", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        line.wait_until(lambda: int(line.rpc("eth_blockNumber"), 16) > 9, "ten blocks", 60)
        with Watcher(str(line.endpoints["clickhouse"])) as watcher:
            forks = _run(line, seconds, (1, 8), every, seed)
            assert forks >= 3
            head = line.freeze()
            line.wait_settled(head)
        assert watcher.partial == []
        assert watcher.looks > 3
        check_verify(line)
        check_topics(line, 0, head[0])
        assert line.stop() == 0
    finally:
        line.end()


def test_forks_up_to_eight_deep_leave_exactly_the_nodes_rows(tmp_path: Path) -> None:
    _proof(tmp_path / "line", seconds=25, every=5, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_five_minutes_of_forks(tmp_path: Path) -> None:
    _proof(tmp_path / "line", seconds=300, every=8, seed=2)
