"""The screen's lines: heights, rates, health, where to connect, what to try. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

from sandbox.screen.figures import duration, number, seconds, shorten
from sandbox.screen.snapshot import PartView, Snapshot

NARROW = 120
COLOURS = {"ready": "green", "done": "dim", "starting": "yellow", "waiting": "dim", "restarting": "red"}
MAIN_TABLES = {
    "blocks": "blocks",
    "transactions": "transactions",
    "logs": "logs",
    "token_transfers": "transfers",
    "transaction_states": "states",
}


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


ALERTS = ("provisional", "confirmed", "retracted")
DELIVERIES = ("delivered", "waiting", "retrying", "dead")


def alerts(snapshot: Snapshot) -> Text:
    """How many alerts stand, are confirmed, were taken back."""
    return _counts("alerts", snapshot.alerts, ALERTS)


def deliveries(snapshot: Snapshot) -> Text:
    """What became of alerts on their channels."""
    return _counts("deliveries", snapshot.deliveries, DELIVERIES)


def _counts(name: str, counts: Mapping[str, int], shown: Iterable[str]) -> Text:
    text = Text(f"{name} ", "dim", no_wrap=True, overflow="ellipsis")
    for each in shown:
        count = counts.get(each, 0)
        trouble = count > 0 and each in ("retrying", "dead")
        text.append(f"{number(count)} ", "bold red" if trouble else "not dim")
        text.append(f"{each}  ", "red" if trouble else "dim")
    return text


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


def reasons(views: Iterable[PartView], width: int) -> list[Text]:
    """Why parts that are down are down, a line each."""
    return [
        Text(shorten(f"  {view.name}: {view.reason}", width), "red", no_wrap=True)
        for view in views
        if view.phase == "restarting" and view.reason
    ]


def rows_line(snapshot: Snapshot) -> Text:
    """Rows of the main tables on a line."""
    text = Text("rows  ", "dim", no_wrap=True, overflow="ellipsis")
    for table, name in MAIN_TABLES.items():
        text.append(f"{name} ", "dim")
        text.append(f"{number(snapshot.rows.get(table, 0))}  ", "not dim")
    return text


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
        ("headwater sql 'SELECT status, title FROM canonical.alerts LIMIT 5'", "what the rules found"),
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


def line(snapshot: Snapshot) -> str:
    """What moves, in one line: for logs, pipes and terminals that cannot redraw."""
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
    for each in (alerts(snapshot), deliveries(snapshot)):
        text += "; " + " ".join(each.plain.split())
    if snapshot.dead_letters or snapshot.gaps:
        text += f"; dead letters {snapshot.dead_letters}, gaps {snapshot.gaps}"
    return f"{text}; not ready: {down}" if down else text
