"""`headwater lag`: how far every consumer group is behind, and what more replicas would do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from headwater.cli.configuration import configured
from headwater.cli.tables import table_of
from headwater.errors import HeadwaterError
from headwater.logging import configure
from headwater.settings import Settings
from topics.catalog import TOPICS, topic_name
from topics.lag.counting import PartitionLag
from topics.lag.group import GroupLag
from topics.lag.holding import Needs
from topics.lag.session import LagSession

app = typer.Typer(rich_markup_mode=None)
_BEHIND, _CANNOT_TELL = 1, 3
# A row has to fit into 80 columns: a screen that folds its numbers tells nothing at a glance.
_NUMBERS: Final = ("lag", "oldest", "read/s", "new/s", "done in")
_WIDE: Final = 200
"""Columns where no terminal says how many it has: a file and a pipe fold nothing."""


@app.command()
def lag(
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.2, help="Time over which rates are taken.")
    ] = 3.0,
    behind: Annotated[
        float,
        typer.Option("--behind", min=0, help="Age of the first unread message from which a group is behind."),
    ] = 60.0,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="A line for each partition that has something waiting.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until Ctrl-C.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object; with --watch one per line, each time.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
    ] = None,
) -> None:
    """Show how far every consumer group is behind, and what more replicas would do.

    Messages that wait, and the age of the first of them: what transactions leave in a partition beside
    messages is not counted, nor what the sink has read and holds back until the rest of its block is stored.
    Of a long queue the messages are counted by a sample (~). Of replicas "1+1 idle" is one that works and one
    that has no partition, "1 of 4" that four are called for. A live stage has one partition per chain, so
    that one replica works and one stands by; sink and deliver scale by replicas up to their partitions.

    Exit codes: 0 no group is behind; 1 one is: its first unread message is older than --behind, messages
    wait and it has no member, or a topic ends before what the group has committed; 3 it cannot be told: Kafka
    does not answer, or a topic is not there.
    """
    settings = configured({"data_dir": data_dir})
    configure("lag", "ERROR", settings.log_format)
    pause = threading.Event()
    try:
        needs = Needs(settings)
        session = LagSession(settings, needs)
        try:
            before = session.look()
            while True:
                pause.wait(seconds)
                after = session.look()
                found = session.judge(before, after, behind_seconds=behind)
                _print(settings, found, needs.trouble, json=json, partitions=partitions)
                if not watch:
                    break
                before, needs.trouble = after, ""
        except KeyboardInterrupt:
            if not watch:
                raise
            return
        finally:
            session.close()
    except HeadwaterError as error:
        print(f"headwater: {error}", file=sys.stderr)
        raise typer.Exit(_CANNOT_TELL) from error
    raise typer.Exit(_BEHIND if any(each.behind for each in found) else 0)


def _print(
    settings: Settings, found: Sequence[GroupLag], trouble: str, *, json: bool, partitions: bool
) -> None:
    if json:
        told = {
            "behind": [each.group for each in found if each.behind],
            "held_counts_as_lag": trouble or None,
            "groups": [asdict(each) for each in found],
        }
        print(orjson.dumps(told).decode(), flush=True)
        return
    streams = {topic_name(settings, spec.stream): spec.stream for spec in TOPICS}
    rows = [row for group in found for row in _rows(group, streams, partitions=partitions)]
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    names = ("group", "replicas", *_NUMBERS)
    console.print(table_of(names, rows, right=_NUMBERS, whole=names, tight=True))
    for group in found:
        print(f"{group.group}: {group.advice}{_hottest(group)}")
    if trouble:
        print(f"What the sink holds back on purpose counts as lag here: {trouble}")
    sys.stdout.flush()


def _hottest(group: GroupLag) -> str:
    """Where most of it waits, unless the advice has said so."""
    hottest = group.hottest
    if hottest is None or len(group.partitions) == 1:
        return ""
    place = f"{hottest.topic}[{hottest.partition}]"
    return "" if place in group.advice else f" Most of it: {hottest.messages:,} in {place}."


def _rows(group: GroupLag, streams: Mapping[str, str], *, partitions: bool) -> list[tuple[str, ...]]:
    exact = all(each.exact for each in group.partitions)
    first = (
        group.role,
        _replicas(group),
        *_numbers(exact, group.messages, group.seconds, group.read_rate, group.written_rate),
        _caught_up(group),
    )
    waiting = [each for each in group.partitions if each.messages or each.held] if partitions else []
    return [first, *(_row(each, streams) for each in sorted(waiting, key=lambda each: -each.messages))]


def _row(lag: PartitionLag, streams: Mapping[str, str]) -> tuple[str, ...]:
    return (
        f" {streams.get(lag.topic, lag.topic)}[{lag.partition}]",
        f"{lag.held} held" if lag.held else "",
        *_numbers(lag.exact, lag.messages, lag.seconds, lag.read_rate, lag.written_rate),
        "",
    )


def _replicas(group: GroupLag) -> str:
    if group.behind and group.replicas > group.members + group.idle:
        return f"{group.members + group.idle} of {group.replicas}"
    return f"{group.members}+{group.idle} idle" if group.idle else f"{group.members}"


def _numbers(exact: bool, messages: int, seconds: float, read: float, written: float) -> tuple[str, ...]:
    return f"{'' if exact else '~'}{_count(messages)}", _span(seconds), _rate(read), _rate(written)


def _count(value: float) -> str:
    """A number that fits a column; all its digits are in the JSON."""
    if value < 100_000:
        return f"{value:,.0f}"
    return f"{value / 1e3:,.0f}k" if value < 1e7 else f"{value / 1e6:,.0f}M"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 1_000 else _count(value)


def _span(seconds: float) -> str:
    """A time that fits a column: its unit grows with it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h" if seconds < 360_000 else f"{seconds / 86_400:,.0f} d"


def _caught_up(group: GroupLag) -> str:
    if not group.messages:
        return "-"
    if group.catch_up_seconds is None:
        return "never" if group.behind else "-"
    return _span(group.catch_up_seconds)
