"""The screen's tables: stages, parts, rows, the last transfers and states. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sandbox.screen.figures import address, number, seconds, shorten
from sandbox.screen.lines import COLOURS
from sandbox.screen.snapshot import PartView, Snapshot, StageView


def stages(views: Iterable[StageView]) -> Table:
    """One row per stage: block, lag, latency, records a second."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", width=12)
    for name, width in (("block", 12), ("waiting", 9), ("latency", 10), ("records/s", 11)):
        table.add_column(name, justify="right", width=width)
    for view in views:
        table.add_row(
            view.name,
            number(view.block),
            number(view.lag),
            seconds(view.latency),
            f"{view.records_per_second:,.0f}",
        )
    return table


def parts(views: Iterable[PartView], width: int) -> Table:
    """One row per part: phase, restarts, why it last died."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, least in (("part", 12), ("is", 18), ("restarts", 8)):
        table.add_column(name, no_wrap=True, min_width=least)
    table.add_column("last died of", no_wrap=True, overflow="ellipsis", max_width=max(20, width - 44))
    for view in views:
        if view.phase == "done":
            continue
        phase = view.phase + (f" in {view.retry_in:.0f} s" if view.phase == "restarting" else "")
        style = COLOURS.get(view.phase, "")
        table.add_row(view.name, Text(phase, style), str(view.restarts or ""), Text(view.reason))
    return table


def rows(snapshot: Snapshot) -> Table:
    """Rows of every table."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right")
    for name, count in snapshot.rows.items():
        table.add_row(name, number(count))
    return table


def transfers(snapshot: Snapshot, count: int, width: int) -> RenderableType:
    """The last token transfers."""
    lines = [
        f"{view.block:>9,} {view.standard:<7} {address(view.token)}  "
        f"{address(view.source)} → {address(view.target)}  {view.amount}"
        for view in snapshot.transfers[:count]
    ]
    return _lines(lines, "no token transfer yet", width)


def states(snapshot: Snapshot, count: int, width: int) -> RenderableType:
    """The last transaction states."""
    lines = [
        f"{number(view.block):>9} {view.state:<10} {view.hash[:18]}…  {view.execution.lower()}"
        for view in snapshot.states[:count]
    ]
    return _lines(lines, "no transaction state yet", width)


def _lines(lines: list[str], empty: str, width: int) -> RenderableType:
    if not lines:
        return Text(empty, "dim")
    return Group(*(Text(shorten(line, width), no_wrap=True) for line in lines))
