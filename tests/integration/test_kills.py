"""Processes die and stall at random moments under traffic with forks; everything recovers by itself."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.integration.aftermath import prove_undisturbed
from tests.integration.blows import PARTS, disturb, start_under_kills, strike
from tests.integration.line import MARKS, ROLES, Line, pause
from tests.integration.replica import Replica

# Past the session time-out of ten seconds: the group has given the work to another by then.
PAUSED_SECONDS = 14.0
# Those that hold on to each other, beside what chance draws.
PAIRS = (
    ("clickhouse", "sink"),
    ("kafka", "registry"),
    ("enrich", "state"),
    ("listen", "normalize"),
    ("kafka", "sink"),
    ("registry", "clickhouse"),
)
STARTING_KILLS = 16
ROUNDS = 10


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
        assert disturb(line, [(part,) for part in order[:kills]], gap, chance) == kills
        for role in stalled:
            _stall(line, role, chance)
        prove_undisturbed(line, directory / "fresh")
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
@pytest.mark.parametrize("seed", [5])
def test_twenty_kills(tmp_path: Path, seed: int) -> None:
    _prove(tmp_path, kills=20, gap=(2, 9), stalled=(), seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [6])
def test_every_role_stalls_and_wakes(tmp_path: Path, seed: int) -> None:
    _prove(tmp_path, kills=0, gap=(0, 0), stalled=ROLES, seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [10])
def test_two_parts_at_a_time_die_from_the_first_second_on(tmp_path: Path, seed: int) -> None:
    """The parts die together while they start for the first time, again, and then beside a second sink."""
    chance = random.Random(seed)
    line = Line(tmp_path / "line", "--traffic", "10", "--seed", str(seed), "--start", "earliest")
    try:
        start_under_kills(line, STARTING_KILLS, chance, "first start")
        assert line.stop() == 0
        start_under_kills(line, STARTING_KILLS, chance, "second start")
        with Replica(line, *MARKS["sink"]) as second:
            for number, pair in enumerate(_pairs(chance), 1):
                line.note(f"round {number}: {' and '.join(pair)}")
                _kill_round(line, pair, second, chance)
            assert second.stop() == 0
        prove_undisturbed(line, tmp_path / "fresh")
        assert line.stop() == 0
    finally:
        line.end()


def _pairs(chance: random.Random) -> list[tuple[str, ...]]:
    pairs = [*PAIRS, *(tuple(chance.sample(PARTS, 2)) for _ in range(ROUNDS - len(PAIRS)))]
    chance.shuffle(pairs)
    return pairs


def _kill_round(line: Line, pair: tuple[str, ...], second: Replica, chance: random.Random) -> None:
    """Two parts, and then one of the two sinks; then all must be ready, and a block shown that is new."""
    pause(chance.uniform(0.5, 3))
    if chance.random() < 0.5:
        line.reorg(chance.randint(1, 5))
    strike(line, pair, "both")
    pause(chance.uniform(0, 2))
    if chance.random() < 0.5:
        second.kill_and_start()
    else:
        line.signal("sink", signal.SIGKILL)
    before = line.visible()
    line.wait_until(lambda: line.visible() not in (None, before), "another block is visible", 120)
    line.wait_ready()
