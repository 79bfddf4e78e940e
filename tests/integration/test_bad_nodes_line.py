"""Mainnet blocks from three bad nodes through the whole line, with two listeners, under random kills.

What ClickHouse shows in the end is what one perfect node has, and every proof is clean.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from sandbox.node import AdjustableChain, LoopedChain, RecordedChain
from tests.integration.checks import (
    check_equal,
    check_no_dead_letters,
    check_stream,
    check_verify,
    states_settled,
)
from tests.integration.line import Line, pause
from tests.integration.replica import Replica
from tests.integration.truth import truth
from tests.integration.weather import Weather

FIRST, LAST = 17_686_110, 17_686_132
BLOCK_SECONDS = 0.6
"""Twenty times as fast as mainnet."""
SOAK_SECONDS = float(os.environ.get("HEADWATER_TEST_SOAK_SECONDS", "1800"))
KILLED = ("listen", "normalize", "enrich", "state", "sink")
SETTLING_SECONDS = 240.0
KINDS, FORKS, KILLS = 20, 3, 3
"""Of these at least so many happen: a busy machine asks its nodes less in the same time."""
PATIENCE_SECONDS = 180.0


@pytest.mark.parametrize(
    ("seed", "seconds", "turn", "gap"),
    [
        pytest.param(1, 25.0, 2.0, (4.0, 8.0), id="short", marks=pytest.mark.timeout(600)),
        pytest.param(
            2,
            SOAK_SECONDS,
            15.0,
            (5.0, 30.0),
            id="long",
            marks=[pytest.mark.soak, pytest.mark.timeout(SOAK_SECONDS + 1_800)],
        ),
    ],
)
@pytest.mark.data
def test_rows_are_those_of_a_perfect_node(
    seed: int, seconds: float, turn: float, gap: tuple[float, float], shared_data: Path, tmp_path: Path
) -> None:
    recording = RecordedChain([shared_data / f"mainnet-contiguous-{FIRST}-{LAST}"])
    rounds = 2 + int((seconds + PATIENCE_SECONDS) / BLOCK_SECONDS) // (LAST - FIRST + 1)
    chain = AdjustableChain.over(LoopedChain(recording, rounds), 3, keeps_orphans=True, traces=False)
    with Weather(chain, seed, block_seconds=BLOCK_SECONDS, turn=turn) as weather:
        line = _line(tmp_path / "line", weather)
        try:
            line.start()
            with Replica(line, "listen") as second:
                weather.begin()
                kills = _kill(line, second, weather, random.Random(seed), seconds, gap)
                weather.end()
                _prove(line, weather, seconds)
                assert second.stop() == 0
            assert kills >= KILLS
            assert weather.forks >= FORKS
            assert len(weather.happened) >= KINDS, weather.happened
            if seconds > 60:
                _compare(line, tmp_path / "fresh", weather)
            assert line.stop() == 0
        finally:
            line.end()


def _line(directory: Path, weather: Weather) -> Line:
    rpc = [word for node in weather.nodes for word in ("--rpc", node.url)]
    variables = {
        # For the second listener: what `up` tells it of is its first node.
        "HEADWATER_CHAIN__RPC": ",".join(node.url for node in weather.nodes),
        "HEADWATER_CHAIN__STANDBY": "true",
        "HEADWATER_CHAIN__WS": ",".join(node.ws_url for node in weather.nodes),
        "HEADWATER_CHAIN__POLL_SECONDS": "0.2",
        "HEADWATER_CHAIN__REQUEST_TIMEOUT_SECONDS": "2",
        "HEADWATER_CHAIN__STALE_HEAD_SECONDS": "2",
        "HEADWATER_CHAIN__VERIFY_ROOTS": "all",
    }
    return Line(directory, *rpc, "--start", "earliest", variables=variables)


def _kill(
    line: Line,
    second: Replica,
    weather: Weather,
    chance: random.Random,
    seconds: float,
    gap: tuple[float, float],
) -> int:
    """SIGKILL one process after the other, either listener among them, until enough happened; how many."""
    began, kills = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds + PATIENCE_SECONDS:
        enough = len(weather.happened) >= KINDS and weather.forks >= FORKS and kills >= KILLS
        # A fork that another one follows at once, or that comes while no listener leads, leaves no trace.
        if enough and passed >= seconds and _saw_a_fork(line):
            break
        pause(chance.uniform(*gap))
        part = chance.choice((*KILLED, "second"))
        line.note(f"kill {part}")
        if part == "second":
            second.kill_and_start()
            kills += 1
        else:
            kills += line.signal(part, signal.SIGKILL) is not None
    return kills


def _saw_a_fork(line: Line) -> bool:
    try:
        return bool(line.sql("SELECT 1 FROM headwater.coverage WHERE removed LIMIT 1"))
    except OSError:
        return False  # ClickHouse was killed a moment ago.


def _prove(line: Line, weather: Weather, seconds: float) -> None:
    line.wait_settled(weather.head, SETTLING_SECONDS)
    line.wait_until(lambda: states_settled(line), "the states have settled", SETTLING_SECONDS)
    _check_rows(line, weather)
    # Half an hour of blocks are three million messages, which both read from the first on.
    check_verify(line, seconds=120 + seconds)
    found = check_stream(line, seconds=120 + seconds)
    assert found["records"]["transaction-states"] > 1_000
    assert found["events"].get("revert", 0) >= 1, found["events"]
    check_no_dead_letters(line)


def _check_rows(line: Line, weather: Weather) -> None:
    """The canonical rows are those of the perfect node."""
    perfect = truth(weather.perfect.url, FIRST, weather.head[0])
    shown = {
        "blocks": "SELECT block_number, block_hash FROM canonical.blocks",
        "transactions": "SELECT block_hash, hash, transaction_index FROM canonical.transactions",
        "logs": "SELECT block_hash, log_index, address, data FROM canonical.logs",
        "transfers": "SELECT block_hash, log_index, batch_index, toString(value) "
        "FROM canonical.token_transfers",
    }
    quoted = " SETTINGS output_format_json_quote_64bit_integers = 0"
    for name, query in shown.items():
        rows = {tuple(row) for row in line.sql(query + quoted)}
        expected = getattr(perfect, name)
        assert rows == expected, f"{name}: {len(rows)} rows against {len(expected)}"
        assert expected


def _compare(line: Line, directory: Path, weather: Weather) -> None:
    """Every column is that of an instance which has followed the perfect node."""
    fresh = Line(directory, "--rpc", weather.perfect.url, "--start", "earliest")
    try:
        fresh.start()
        fresh.wait_settled(weather.head, SETTLING_SECONDS)
        fresh.wait_until(lambda: states_settled(fresh), "the fresh states have settled", 120)
        line.wait_until(lambda: _finality(fresh) == _finality(line), "finality is the same", 120)
        check_equal(line, fresh)
        assert fresh.stop() == 0
    finally:
        fresh.end()


def _finality(line: Line) -> list[object]:
    return line.sql(
        "SELECT state, count() FROM canonical.transaction_states "
        "WHERE hash IN (SELECT hash FROM canonical.transactions) GROUP BY state ORDER BY state"
    )
