"""Processes die and stall at random moments under traffic with forks; everything recovers by itself."""

from __future__ import annotations

import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.checks import check_equal, check_topics, check_verify, states_settled
from tests.integration.line import ROLES, Line, pause

PARTS = (*ROLES, "kafka", "registry", "clickhouse")
# Past the session time-out of ten seconds: the group has given the work to another by then.
PAUSED_SECONDS = 14.0
COMMANDS = {
    "listen": ("listen",),
    "normalize": ("work", "normalize"),
    "enrich": ("work", "enrich"),
    "state": ("work", "state"),
    "sink": ("sink",),
}


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
    head = line.freeze()
    line.wait_settled(head)
    line.wait_until(lambda: states_settled(line), "the states have settled", 60)
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


def _killed(directory: Path, kills: int, gap: tuple[float, float], seed: int) -> None:
    chance = random.Random(seed)
    order = list(PARTS)
    chance.shuffle(order)
    order += [chance.choice(PARTS) for _ in range(kills - len(PARTS))]
    line = Line(directory / "line", "--traffic", "15", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        line.wait_until(lambda: int(line.rpc("eth_blockNumber"), 16) > 6, "six blocks", 60)
        assert _kills(line, order[:kills], chance, gap) == kills
        _aftermath(line, directory / "fresh")
        assert line.stop() == 0
    finally:
        line.end()


def _paused(directory: Path, roles: tuple[str, ...], seed: int) -> None:
    chance = random.Random(seed)
    line = Line(directory / "line", "--traffic", "15", "--seed", str(seed), "--start", "earliest")
    others: list[subprocess.Popen[bytes]] = []
    try:
        line.start()
        for role in roles:
            line.wait_until(lambda role=role: role in line.processes(), f"{role} runs", 60)  # type: ignore[misc]
            sleeper = line.processes()[role]
            sleeper.send_signal(signal.SIGSTOP)
            other = line.replacement(*COMMANDS[role])
            others.append(other)
            pause(PAUSED_SECONDS)
            line.reorg(chance.randint(1, 3))
            before = line.visible()
            # The replacement carries the line while the other sleeps.
            line.wait_until(lambda b=before: line.visible() != b, f"{role}'s replacement works", 60)  # type: ignore[misc]
            sleeper.send_signal(signal.SIGCONT)
            pause(3)
            other.terminate()
            other.wait(30)
        _aftermath(line, directory / "fresh")
        assert line.stop() == 0
    finally:
        for other in others:
            other.kill()
        line.end()


def test_every_part_is_killed_once_and_nothing_differs(tmp_path: Path) -> None:
    _killed(tmp_path, kills=len(PARTS), gap=(1, 3), seed=3)


def test_a_stalled_worker_that_wakes_changes_nothing(tmp_path: Path) -> None:
    _paused(tmp_path, ("enrich",), seed=4)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_twenty_kills(tmp_path: Path) -> None:
    _killed(tmp_path, kills=20, gap=(2, 9), seed=5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_role_stalls_and_wakes(tmp_path: Path) -> None:
    _paused(tmp_path, ROLES, seed=6)
