"""A snapshot as a screen: pure functions, fitted to the terminal's width and height."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from sandbox.screen.lines import (
    NARROW,
    alerts,
    deliveries,
    headline,
    health_lines,
    heights,
    rates,
    reasons,
    rows_line,
    try_next,
    where,
    where_lines,
)
from sandbox.screen.snapshot import Snapshot
from sandbox.screen.tables import parts, rows, stages, states, transfers

SHORT = 26
"""Below so many lines there is no room for empty ones."""


def render(snapshot: Snapshot, width: int, height: int, *, live: bool = True) -> RenderableType:
    """The whole screen. Below `NARROW` columns: one column, the essential first. `live`: Ctrl-C ends it."""
    return _narrow(snapshot, width, height, live) if width < NARROW else _wide(snapshot, width, height)


def _narrow(snapshot: Snapshot, width: int, height: int, live: bool) -> RenderableType:
    troubles = reasons(snapshot.parts, width)[:2]
    gap = [Text("")] if height > SHORT else []
    above = [
        headline(snapshot),
        heights(snapshot),
        rates(snapshot),
        alerts(snapshot),
        deliveries(snapshot),
        *gap,
    ]
    middle = [Text(""), *health_lines(snapshot.parts, width), *troubles]
    below = [*gap, rows_line(snapshot), *where_lines(snapshot, width), try_next(width, live)]
    table = 1 + len(snapshot.stages)
    free = max(0, height - len(above) - table - len(middle) - len(below) - 1)
    feeds: list[RenderableType] = []
    if free >= 3:
        first = (free - 1) // 2
        feeds = [
            Text(""),
            transfers(snapshot, first, width),
            states(snapshot, free - 1 - max(1, min(first, len(snapshot.transfers))), width),
        ]
    return Group(*above, stages(snapshot.stages), *middle, *feeds, *below)


def _wide(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    shown = [part for part in snapshot.parts if part.phase != "done"]
    head, last = 6, 12
    top = max(len(shown) + len(snapshot.stages) + 5, len(snapshot.rows) + 2)
    feed = max(3, height - head - last - top)
    half = width // 2 - 4
    upper = Layout(size=top)
    upper.split_row(
        Layout(
            Panel(
                Group(stages(snapshot.stages), Text(""), parts(shown, width * 3 // 5 - 6)),
                title="stages and parts",
                title_align="left",
            ),
            ratio=3,
        ),
        Layout(Panel(rows(snapshot), title="rows in ClickHouse", title_align="left"), ratio=2),
    )
    feeds = Layout(size=feed)
    feeds.split_row(
        Layout(Panel(transfers(snapshot, feed - 2, half), title="last token transfers", title_align="left")),
        Layout(Panel(states(snapshot, feed - 2, half), title="transaction states", title_align="left")),
    )
    layout = Layout()
    layout.split_column(
        Layout(
            Group(
                *(part(snapshot) for part in (headline, heights, rates, alerts, deliveries)),
            ),
            size=head,
        ),
        upper,
        feeds,
        Layout(Panel(Group(where(snapshot), try_next(width)), title="next", title_align="left"), size=last),
    )
    return layout
