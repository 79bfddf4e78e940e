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

HEAD, FEED, LAST = 6, 3, 12
"""Lines of the wide screen's parts; of the feeds at least."""
SHORT = 26
"""Below so many lines there is no room for empty ones."""


def render(snapshot: Snapshot, width: int, height: int, *, live: bool = True) -> RenderableType:
    """The whole screen. Where it is too small for panels: one column, the essential first.

    `live`: Ctrl-C ends it.
    """
    small = width < NARROW or height < HEAD + _upper(snapshot) + FEED + LAST
    return _narrow(snapshot, width, height, live) if small else _wide(snapshot, width, height)


def _upper(snapshot: Snapshot) -> int:
    """Lines of the panels of stages, parts and rows."""
    parts_shown = sum(part.phase != "done" for part in snapshot.parts)
    return max(parts_shown + len(snapshot.stages) + 5, len(snapshot.rows) + 2)


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
    below = [*gap, rows_line(snapshot), *where_lines(snapshot, width)]
    below.append(try_next(min(width, NARROW - 1), live))
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
    top = _upper(snapshot)
    feed = height - HEAD - LAST - top
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
            size=HEAD,
        ),
        upper,
        feeds,
        Layout(Panel(Group(where(snapshot), try_next(width)), title="next", title_align="left"), size=LAST),
    )
    return layout
