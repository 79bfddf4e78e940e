"""Blocks that spend all their gas on what costs a pipeline most, while parts of it are away."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.integration.aftermath import prove_undisturbed
from tests.integration.gas_spenders import BLOCK_GAS, batches, call_data, fill_block, plain_logs, receipt
from tests.integration.line import Line, pause

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
BATCHES, LOGS = batches(BLOCK_GAS // 10_000), plain_logs()
AWAY_BLOCKS = 45
OUTAGE_SECONDS = 120.0


@pytest.mark.parametrize("seed", [8])
def test_hostile_blocks_flow_while_the_sink_and_then_clickhouse_are_away(tmp_path: Path, seed: int) -> None:
    line = Line(tmp_path / "line", "--traffic", "10", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        full = [_mined(line, fill_block(line, BATCHES))]
        _wait_shown(line, full[0])
        line.reorg(3)  # which retracts every record of it
        full = [_mined(line, fill_block(line, code)) for code in (BATCHES, LOGS)]
        full += [_mined(line, call_data(line)[-1], own=False)]
        for block_hash in full:
            _wait_shown(line, block_hash)
        full += _while_the_sink_is_away(line)
        full += _while_clickhouse_is_away(line)
        prove_undisturbed(line, tmp_path / "fresh")
        shown = {str(row[0]) for row in line.sql("SELECT block_hash FROM canonical.blocks")}
        assert set(full) <= shown
        assert line.stop() == 0
    finally:
        line.end()


def _while_the_sink_is_away(line: Line) -> list[str]:
    """Take the sink's work from it for so many blocks that others make, then have a new one catch up."""
    assert line.signal("sink", signal.SIGSTOP) is not None
    since = _height(line)
    full = [_mined(line, fill_block(line, BATCHES)), _mined(line, fill_block(line, LOGS))]
    line.wait_until(lambda: _height(line) >= since + AWAY_BLOCKS, f"{AWAY_BLOCKS} blocks more", 180)
    shown = line.visible()
    assert shown is not None
    assert shown[0] <= since, "the sink went on"
    line.signal("sink", signal.SIGKILL)
    _wait_caught_up(line)
    return full


def _while_clickhouse_is_away(line: Line) -> list[str]:
    """Two minutes without ClickHouse: first it hangs, then it dies whenever it starts."""
    since = time.monotonic()
    assert line.signal("clickhouse", signal.SIGSTOP) is not None
    full = [_mined(line, fill_block(line, BATCHES))]
    while time.monotonic() < since + OUTAGE_SECONDS:
        if time.monotonic() > since + OUTAGE_SECONDS / 2:
            line.signal("clickhouse", signal.SIGKILL)
        pause(0.3)
    _wait_caught_up(line)
    return full


def _mined(line: Line, transaction: str, *, own: bool = True) -> str:
    """Wait for a transaction; the hash of its block, which it filled by itself if it is its `own`."""
    line.wait_until(lambda: receipt(line, transaction) is not None, f"{transaction} is mined", 60)
    found = receipt(line, transaction)
    assert found is not None
    assert found["status"] == "0x1"
    assert not own or int(str(found["gasUsed"]), 16) > 0.95 * BLOCK_GAS
    return str(found["blockHash"])


def _wait_shown(line: Line, block_hash: str) -> None:
    query = f"SELECT count() FROM canonical.blocks WHERE block_hash = '{block_hash}'"
    line.wait_until(lambda: int(line.sql(query)[0][0]) == 1, f"{block_hash} is visible", 120)


def _wait_caught_up(line: Line) -> None:
    target = _height(line)
    line.wait_until(lambda: (line.visible() or (0, ""))[0] >= target, f"block {target} is visible", 180)


def _height(line: Line) -> int:
    return int(line.rpc("eth_blockNumber"), 16)
