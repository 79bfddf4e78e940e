"""Processes die and stall at random moments under traffic with forks; everything recovers by itself."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.integration.checks import check_equal, check_topics, check_verify, states_settled
from tests.integration.line import MARKS, ROLES, Line, pause
from tests.integration.statistics import check_statistics

PARTS = (*ROLES, "kafka", "registry", "clickhouse")
# Past the session time-out of ten seconds: the group has given the work to another by then.
PAUSED_SECONDS = 14.0


def _kills(line: Line, order: list[str], chance: random.Random, gap: tuple[float, float]) -> int:
    done = 0
    for part in order:
        pause(chance.uniform(*gap))
        if chance.random() < 0.5:
            line.reorg(chance.randint(1, 5))
        line.wait_until(lambda part=part: part in line.processes(), f"{part} runs", 90)  # type: ignore[misc]
        done += line.signal(part, signal.SIGKILL) is not None
    return done


def _aftermath(line: Line, directory: Path) -> None:
    """Stand still, prove, and compare with a fresh instance over the same chain."""
    line.freeze()
    head = line.close_windows()
    line.wait_settled(head)
    line.wait_until(lambda: states_settled(line), "the states have settled", 60)
    check_statistics(line)
    check_verify(line)
    check_topics(line, 0, head[0])
    fresh = Line(directory, "--rpc", str(line.endpoints["rpc"]), "--start", "earliest")
    try:
        fresh.start()
        fresh.wait_settled(head)
        fresh.wait_until(lambda: states_settled(fresh), "the fresh states have settled", 60)
        fresh.wait_until(lambda: _finality(fresh) == _finality(line), "finality is the same", 60)
        check_equal(line, fresh)
        assert fresh.stop() == 0
    finally:
        fresh.end()


def _finality(line: Line) -> list[object]:
    return line.sql(
        "SELECT state, count() FROM canonical.transaction_states "
        "WHERE hash IN (SELECT hash FROM canonical.transactions) GROUP BY state ORDER BY state"
    )


def _prove(
    directory: Path, kills: int, gap: tuple[float, float], stalled: tuple[str, ...], seed: int
) -> None:
    chance = random.Random(seed)
    order = list(PARTS)
    chance.shuffle(order)
    order += [chance.choice(PARTS) for _ in range(kills - len(PARTS))]
    line = Line(directory / "line", "--traffic", "15", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        line.wait_until(lambda: int(line.rpc("eth_blockNumber"), 16) > 6, "six blocks", 60)
        assert _kills(line, order[:kills], chance, gap) == kills
        for role in stalled:
            _stall(line, role, chance)
        _aftermath(line, directory / "fresh")
        assert line.stop() == 0
    finally:
        line.end()


def _stall(line: Line, role: str, chance: random.Random) -> None:
    """Pause a role past its session time-out, let another process carry the line, wake it."""
    line.wait_until(lambda: role in line.processes(), f"{role} runs", 60)
    sleeper = line.processes()[role]
    sleeper.send_signal(signal.SIGSTOP)
    other = line.replacement(*MARKS[role])
    try:
        pause(PAUSED_SECONDS)
        line.reorg(chance.randint(1, 3))
        before = line.visible()
        line.wait_until(lambda: line.visible() != before, f"{role}'s replacement works", 60)
        sleeper.send_signal(signal.SIGCONT)
        pause(3)
        other.terminate()
        other.wait(30)
    finally:
        other.kill()


def test_every_part_is_killed_and_a_worker_stalls_and_nothing_differs(tmp_path: Path) -> None:
    _prove(tmp_path, kills=len(PARTS), gap=(1, 3), stalled=("enrich",), seed=3)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_twenty_kills(tmp_path: Path) -> None:
    _prove(tmp_path, kills=20, gap=(2, 9), stalled=(), seed=5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_role_stalls_and_wakes(tmp_path: Path) -> None:
    _prove(tmp_path, kills=0, gap=(0, 0), stalled=ROLES, seed=6)
