"""The sink is scaled up and down while it works and while sinks die: nothing is lost, doubled or torn."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.integration.aftermath import prove_undisturbed
from tests.integration.blows import strike
from tests.integration.line import Line, pause
from tests.integration.sink_group import SinkGroup

SIZES = (2, 4)
KILLS = 3


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [9])
def test_scaled_twice_under_traffic_forks_outages_and_kills(tmp_path: Path, seed: int) -> None:
    """Up over an outage of ClickHouse, whose backlog waits; down once by SIGTERM and once by SIGKILL."""
    chance = random.Random(seed)
    line = Line(tmp_path / "line", "--traffic", "25", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        with SinkGroup(line) as sinks:
            for gracefully in (True, False):
                for size in SIZES:
                    strike(line, ("clickhouse",), f"before there are {size} sinks")
                    sinks.grow(size)
                    _work_under_kills(line, sinks, chance)
                if gracefully:
                    assert sinks.leave() == [0] * (SIZES[-1] - 1)
                else:
                    sinks.die()
                _work_under_kills(line, sinks, chance)
        prove_undisturbed(line, tmp_path / "fresh")
        assert line.stop() == 0
    finally:
        line.end()


def _work_under_kills(line: Line, sinks: SinkGroup, chance: random.Random) -> None:
    """Sinks die, also before the group has settled; then all share, and a block is shown that is new."""
    line.note(f"{sinks.size} sinks")
    for _ in range(KILLS):
        pause(chance.uniform(0, 4))
        line.reorg(chance.randint(1, 6))
        sinks.kill_one(chance)
    sinks.wait_shared()
    before = line.visible()
    line.wait_until(lambda: line.visible() not in (None, before), "another block is visible", 120)
