"""From APPLY to the rows in the views, block by block at the head of a chain.

Mainnet blocks on a node of this process, one every quarter of a second and then one every twelve seconds, as
Ethereum has them; by the times that coverage has of both.

Run alone with `python -m bench.visible`.
"""

from __future__ import annotations

import time
from typing import Final

from bench import blocks
from bench.report import Row, publish
from bench.stack import Stack, stack
from sandbox.node import AdjustableChain, LoopedChain, RecordedChain, RecordedNode

QUICK_SECONDS: Final = 0.25
QUICK: Final = 200
SLOW_SECONDS: Final = 12.0
SLOW: Final = 5
WARM_UP: Final = 20
"""Blocks that are there before, and that the first of which are published to make what is made once."""
_P50, _P99 = 0.5, 1.0
_PATIENCE_SECONDS: Final = 60.0


def rows(quick: int = QUICK, slow: int = SLOW) -> list[Row]:
    """Seconds: p50 and p99 of blocks in quick succession, p50 and the longest of those that come slowly."""
    folder = blocks.folder()
    if folder is None:
        return [Row("APPLY to rows visible", None, "s", note="no real-chain data")]
    loops = 2 + (WARM_UP + quick + slow) // blocks.COUNT
    chain = AdjustableChain.over(LoopedChain(RecordedChain([folder]), loops), WARM_UP, traces=False)
    node = RecordedNode(chain, safe_lag=8, finalized_lag=16)
    chain.listen(node.announce)
    with node.serve_in_thread(), stack(node.url, blocks.FIRST) as line:
        first = chain.tip.number
        _wait_for(line, first)
        for pace, count in ((QUICK_SECONDS, quick), (SLOW_SECONDS, slow)):
            due = time.monotonic()
            for _ in range(count):
                due += pace
                time.sleep(max(0.0, due - time.monotonic()))
                chain.extend()
        _wait_for(line, chain.tip.number)
        p50, p99 = _seconds(line, first + 1, first + quick, 0.5, 0.99)
        middle, longest = _seconds(line, first + quick + 1, first + quick + slow, 0.5, 1.0)
    often, rare = (
        f"{quick} blocks, one every {QUICK_SECONDS} s",
        f"{slow} blocks, one every {SLOW_SECONDS:.0f} s",
    )
    name = "APPLY to rows visible"
    return [
        Row(f"{name}, p50", p50, "s", target=f"≤ {_P50} s", met=p50 <= _P50, note=often),
        Row(f"{name}, p99", p99, "s", target=f"≤ {_P99} s", met=p99 <= _P99, note=often),
        Row(f"{name}, p50", middle, "s", note=rare),
        Row(f"{name}, longest", longest, "s", note=rare),
    ]


def _wait_for(line: Stack, block: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while line.covered() < block:
        line.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"block {block} is not visible after {_PATIENCE_SECONDS:.0f} s")
        time.sleep(0.2)


def _seconds(line: Stack, first: int, last: int, *shares: float) -> list[float]:
    quantiles = ", ".join(f"quantileExact({share})(seconds)" for share in shares)
    answer = line.ask(
        f"SELECT {quantiles} FROM "
        "(SELECT min(dateDiff('millisecond', observed_at, visible_at)) / 1000 AS seconds "
        f"FROM headwater.coverage WHERE block_number BETWEEN {first} AND {last} AND NOT removed "
        "GROUP BY block_number)"
    )
    return [float(each) for each in answer.split("\t")]


if __name__ == "__main__":
    publish("visible", rows())
