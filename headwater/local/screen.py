"""A snapshot as a screen: pure functions, fitted to the terminal's width and height."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headwater.local.snapshot import PartView, Snapshot, StageView

NARROW = 120
COLOURS = {"ready": "green", "done": "dim", "starting": "yellow", "waiting": "dim", "restarting": "red"}


def render(snapshot: Snapshot, width: int, height: int, *, live: bool = True) -> RenderableType:
    """The whole screen. Below `NARROW` columns: one column, the essential first. `live`: Ctrl-C ends it."""
    return _narrow(snapshot, width, height, live) if width < NARROW else _wide(snapshot, width, height)


def _narrow(snapshot: Snapshot, width: int, height: int, live: bool) -> RenderableType:
    troubles = reasons(snapshot.parts, width)[:2]
    above = [headline(snapshot), heights(snapshot), rates(snapshot), Text("")]
    middle = [Text(""), *health_lines(snapshot.parts, width), *troubles]
    below = [Text(""), rows_line(snapshot), *where_lines(snapshot, width), try_next(width, live)]
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
    head, last = 4, 11
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
        Layout(Group(headline(snapshot), heights(snapshot), rates(snapshot)), size=head),
        upper,
        feeds,
        Layout(Panel(Group(where(snapshot), try_next(width)), title="next", title_align="left"), size=last),
    )
    return layout


def headline(snapshot: Snapshot) -> Text:
    """Name, chain, what should be zero when it is not, time up, directory, what is being waited for."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("headwater ", "bold cyan")
    text.append(snapshot.chain, "bold")
    text.append(f" ({snapshot.chain_id})" if snapshot.chain_id else "", "dim")
    if snapshot.gaps:
        text.append(f"  {snapshot.gaps} GAPS", "bold red")
    if snapshot.dead_letters:
        text.append(f"  {snapshot.dead_letters} dead letters", "red")
    text.append(f"  up {duration(snapshot.uptime)}  {snapshot.data_dir}", "dim")
    if snapshot.message:
        text.append(f"  {snapshot.message}", "yellow")
    return text


def heights(snapshot: Snapshot) -> Text:
    """head, safe, finalized, visible."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, value in (
        ("head", snapshot.head),
        ("safe", snapshot.safe),
        ("finalized", snapshot.finalized),
        ("in ClickHouse", snapshot.visible),
    ):
        text.append(f"{name} ", "dim")
        text.append(f"{number(value)}   ", "bold")
    return text


def rates(snapshot: Snapshot) -> Text:
    """Blocks and records a second, latency, reorgs."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{snapshot.blocks_per_second:.1f} blocks/s {snapshot.records_per_second:,.0f} records/s  ")
    text.append("node to row ", "dim")
    text.append(f"p50 {seconds(snapshot.latency_p50)} p99 {seconds(snapshot.latency_p99)}  ")
    text.append("reorgs ", "dim")
    text.append(f"{snapshot.reorgs}" + (f" (≤{snapshot.deepest_reorg})" if snapshot.reorgs else ""))
    return text


def stages(views: Iterable[StageView]) -> Table:
    """A row a stage: block, lag, latency, records a second."""
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


def health_lines(views: Iterable[PartView], width: int) -> list[Text]:
    """All parts on as few lines as hold them, coloured by their phase."""
    lines = [Text(no_wrap=True)]
    for view in views:
        if view.phase == "done":
            continue
        ready = view.phase == "ready"
        colour = COLOURS.get(view.phase, "white")
        piece = Text.assemble(
            ("● " if ready else "○ ", colour),
            (view.name, "" if ready else colour),
            (f"×{view.restarts}" if view.restarts else "", "yellow"),
            "  ",
        )
        if len(lines[-1]) + len(piece) > width + 2:
            lines.append(Text(no_wrap=True))
        lines[-1].append_text(piece)
    return lines


def parts(views: Iterable[PartView], width: int) -> Table:
    """A row a part: phase, restarts, why it last died."""
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


def reasons(views: Iterable[PartView], width: int) -> list[Text]:
    """Why parts that are down are down, a line each."""
    return [
        Text(shorten(f"  {view.name}: {view.reason}", width), "red", no_wrap=True)
        for view in views
        if view.phase == "restarting" and view.reason
    ]


MAIN_TABLES = {
    "blocks": "blocks",
    "transactions": "transactions",
    "logs": "logs",
    "token_transfers": "transfers",
    "transaction_states": "states",
}


def rows_line(snapshot: Snapshot) -> Text:
    """Rows of the main tables on a line."""
    text = Text("rows  ", "dim", no_wrap=True, overflow="ellipsis")
    for table, name in MAIN_TABLES.items():
        text.append(f"{name} ", "dim")
        text.append(f"{number(snapshot.rows.get(table, 0))}  ", "not dim")
    return text


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


def where(snapshot: Snapshot) -> Text:
    """Where clients connect, a line each."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, url in snapshot.endpoints.items():
        text.append(f"{name:<16}", "dim")
        text.append(f"{url}\n")
    return text


def where_lines(snapshot: Snapshot, width: int) -> list[Text]:
    """Where clients connect, on as few lines as hold it."""
    lines: list[Text] = []
    for name, url in snapshot.endpoints.items():
        piece = Text.assemble((f"{name} ", "dim"), f"{url}  ")
        if not lines or len(lines[-1]) + len(piece) > width + 2:
            lines.append(Text(no_wrap=True, overflow="ellipsis"))
        lines[-1].append_text(piece)
    return lines


def try_next(width: int, live: bool = True) -> Text:
    """What to try next."""
    tries = (
        ("headwater sql 'SELECT * FROM canonical.token_transfers LIMIT 5'", "ask"),
        ("headwater topics tail transaction-states", "watch a stream"),
        ("headwater verify", "prove that nothing is missing"),
    )
    text = Text(no_wrap=True, overflow="ellipsis")
    if width < NARROW:
        text.append("try ", "dim")
        text.append("headwater sql | topics tail logs | verify | status", "cyan")
        text.append("   Ctrl-C drains and stops" if live else "", "dim")
        return text
    for command, why in tries:
        text.append(f"{command}", "cyan")
        text.append(f"   {why}\n", "dim")
    text.append("Ctrl-C drains and stops everything", "dim")
    return text


def _lines(lines: list[str], empty: str, width: int) -> RenderableType:
    if not lines:
        return Text(empty, "dim")
    return Group(*(Text(shorten(line, width), no_wrap=True) for line in lines))


def number(value: int | None) -> str:
    """A count for people; a dash when not known."""
    return "–" if value is None else f"{value:,}"


def seconds(value: float | None) -> str:
    """A short time for people: ms below a second."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def duration(value: float) -> str:
    """A long time for people: 75 → 1:15."""
    whole = int(value)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def address(value: str) -> str:
    """0x1234…abcd."""
    return f"{value[:6]}…{value[-4:]}" if len(value) > 12 else value


def shorten(value: str, width: int) -> str:
    """At most `width` characters."""
    return value if len(value) <= width else value[: max(1, width - 1)] + "…"
