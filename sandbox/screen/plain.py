"""A snapshot as one line, for logs, pipes and terminals that cannot redraw."""

from __future__ import annotations

from sandbox.screen.figures import number, seconds
from sandbox.screen.snapshot import Snapshot


def line(snapshot: Snapshot) -> str:
    """What moves, in one line."""
    waiting = " ".join(f"{stage.name}={number(stage.lag)}" for stage in snapshot.stages)
    down = " ".join(
        f"{part.name}:{part.phase}" for part in snapshot.parts if part.phase not in ("ready", "done")
    )
    text = (
        f"head {number(snapshot.head)} safe {number(snapshot.safe)} finalized {number(snapshot.finalized)} "
        f"in ClickHouse {number(snapshot.visible)}; {snapshot.blocks_per_second:.1f} blocks/s "
        f"{snapshot.records_per_second:,.0f} records/s; node to row p50 {seconds(snapshot.latency_p50)} "
        f"p99 {seconds(snapshot.latency_p99)}; reorgs {snapshot.reorgs}; waiting {waiting or '–'}"
    )
    if snapshot.dead_letters or snapshot.gaps:
        text += f"; dead letters {snapshot.dead_letters}, gaps {snapshot.gaps}"
    return f"{text}; not ready: {down}" if down else text
