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


def render(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    """The whole screen. Below `NARROW` columns: one column, the essential first."""
    return _narrow(snapshot, width, height) if width < NARROW else _wide(snapshot, width, height)


def _narrow(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    lines: list[RenderableType] = [headline(snapshot), heights(snapshot), rates(snapshot), Text("")]
    lines.append(stages(snapshot.stages))
    lines.append(Text(""))
    lines += [health(snapshot.parts), *reasons(snapshot.parts, width)[:2]]
    below: list[RenderableType] = [
        Text(""),
        rows_line(snapshot),
        where(snapshot, brief=True),
        try_next(width),
    ]
    # 12 lines are above; the rest of the height goes to the last transfers and states.
    used = 3 + 1 + 5 + 1 + 1 + len(reasons(snapshot.parts, width)[:2]) + 6
    free = max(0, height - used - 1)
    feeds: list[RenderableType] = []
    if free >= 3:
        take = max(1, (free - 2) // 2)
        feeds = [Text(""), transfers(snapshot, take, width), states(snapshot, take, width)]
    return Group(*lines, *feeds, *below)


def _wide(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    count = max(3, (height - 22) // 2)
    left = Group(stages(snapshot.stages), Text(""), parts(snapshot.parts, width // 2 - 6))
    right = Group(rows(snapshot))
    top = Layout(size=max(len(snapshot.parts) + 10, len(snapshot.rows) + 3, 14))
    top.split_row(
        Layout(Panel(left, title="stages and parts", title_align="left"), ratio=3),
        Layout(Panel(right, title="rows in ClickHouse", title_align="left"), ratio=2),
    )
    feeds = Layout()
    half = width // 2 - 4
    feeds.split_row(
        Layout(Panel(transfers(snapshot, count * 2, half), title="last token transfers", title_align="left")),
        Layout(Panel(states(snapshot, count * 2, half), title="transaction states", title_align="left")),
    )
    layout = Layout()
    layout.split_column(
        Layout(Group(headline(snapshot), heights(snapshot), rates(snapshot)), size=4),
        top,
        feeds,
        Layout(Panel(Group(where(snapshot), try_next(width)), title="next", title_align="left"), size=9),
    )
    return layout


def headline(snapshot: Snapshot) -> Text:
    """Name, chain, time up, directory; or what is being waited for."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("headwater ", "bold cyan")
    text.append(snapshot.chain, "bold")
    text.append(f" ({snapshot.chain_id})" if snapshot.chain_id else "", "dim")
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
    """Blocks and records a second, latency, reorgs, and what should be zero when it is not."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{snapshot.blocks_per_second:.1f} blocks/s  {snapshot.records_per_second:,.0f} records/s  ")
    text.append("node to row ", "dim")
    text.append(f"p50 {seconds(snapshot.latency_p50)} p99 {seconds(snapshot.latency_p99)}  ")
    text.append("reorgs ", "dim")
    text.append(f"{snapshot.reorgs}" + (f" (deepest {snapshot.deepest_reorg})" if snapshot.reorgs else ""))
    if snapshot.dead_letters:
        text.append(f"  {snapshot.dead_letters} dead letters", "red")
    if snapshot.gaps:
        text.append(f"  {snapshot.gaps} GAPS", "bold red")
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


def health(views: Iterable[PartView]) -> Text:
    """All parts on a line, coloured by their phase."""
    text = Text(overflow="fold")
    for view in views:
        if view.phase == "done":
            continue
        colour = COLOURS.get(view.phase, "white")
        mark = "●" if view.phase == "ready" else "○"
        text.append(f"{mark} ", colour)
        text.append(view.name, "" if view.phase == "ready" else colour)
        text.append(f"×{view.restarts}" if view.restarts else "", "yellow")
        text.append("  ")
    return text


def parts(views: Iterable[PartView], width: int) -> Table:
    """A row a part: phase, restarts, why it last died."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("part", "is", "restarts"):
        table.add_column(name, no_wrap=True)
    table.add_column("last died of", no_wrap=True, overflow="ellipsis", max_width=max(20, width - 36))
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


def rows_line(snapshot: Snapshot) -> Text:
    """Rows of the main tables on a line."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("rows ", "dim")
    for table in ("blocks", "transactions", "logs", "token_transfers", "transaction_states"):
        text.append(f"{table} ", "dim")
        text.append(f"{number(snapshot.rows.get(table, 0))}  ")
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
        f"{number(view.block):>9} {view.state:<10} {view.hash[:18]}…  version {view.version}"
        for view in snapshot.states[:count]
    ]
    return _lines(lines, "no transaction state yet", width)


def where(snapshot: Snapshot, *, brief: bool = False) -> Text:
    """Where clients connect."""
    text = Text(no_wrap=True, overflow="ellipsis")
    pairs = list(snapshot.endpoints.items())
    if brief:
        short = {"Kafka": "kafka", "ClickHouse": "sql", "schema registry": "registry", "node": "node"}
        pairs = [(short.get(name, name), url.removeprefix("http://")) for name, url in pairs]
        pairs = [(name, url.removesuffix("/apis/ccompat/v7")) for name, url in pairs]
    for name, url in pairs:
        text.append(f"{name} ", "dim")
        text.append(f"{url}  " if brief else f"{url}\n")
    return text


def try_next(width: int) -> Text:
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
        text.append("   Ctrl-C drains and stops", "dim")
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
