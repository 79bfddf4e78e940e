"""`headwater lag`: how far every consumer group is behind, and what more replicas would do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
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
from topics.lag.counting import PartitionLag
from topics.lag.holding import Needs
from topics.lag.judgement import GroupLag
from topics.lag.session import LagSession

app = typer.Typer(rich_markup_mode=None)
_BEHIND, _CANNOT_TELL = 1, 3
_NUMBERS: Final = ("messages", "seconds", "read/s", "written/s", "caught up in")


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
        bool, typer.Option("--json", help="One JSON object; with --watch one a line, each time.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
    ] = None,
) -> None:
    """Show how far every consumer group is behind, and what more replicas would do.

    Messages that wait, and the age of the first of them: what transactions leave in a partition beside
    messages is not counted, nor what the sink has read and holds back until the rest of its block is stored.
    Of a long queue the messages are counted by a sample (~). A live stage has one partition a chain, so that
    one replica works and one stands by; sink and deliver scale by replicas up to their partitions.

    Exit codes: 0 no group is behind; 1 one is: its first unread message is older than --behind, or messages
    wait and nobody reads; 3 it cannot be told: Kafka does not answer, or a topic is not there.
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
                _print(found, needs.trouble, json=json, partitions=partitions)
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


def _print(found: Sequence[GroupLag], trouble: str, *, json: bool, partitions: bool) -> None:
    if json:
        told = {
            "behind": [each.group for each in found if each.behind],
            "held_counts_as_lag": trouble or None,
            "groups": [asdict(each) for each in found],
        }
        print(orjson.dumps(told).decode(), flush=True)
        return
    rows = [row for group in found for row in _rows(group, partitions=partitions)]
    names = ("group", "replicas", *_NUMBERS, "most of it in")
    Console().print(table_of(names, rows, right=_NUMBERS, whole=("group",)))
    for group in found:
        print(f"{group.group}: {group.advice}")
    if trouble:
        print(f"What the sink holds back on purpose counts as lag here: {trouble}")
    sys.stdout.flush()


def _rows(group: GroupLag, *, partitions: bool) -> list[tuple[str, ...]]:
    replicas = f"{group.members} of {group.replicas}" if group.behind else f"{group.members}"
    hottest = "" if group.hottest is None else f"{group.hottest.topic}[{group.hottest.partition}]"
    exact = all(each.exact for each in group.partitions)
    first = (
        group.group,
        replicas + (f" + {group.idle} standby" if group.idle else ""),
        f"{'' if exact else '~'}{group.messages:,}",
        f"{group.seconds:,.1f}",
        f"{group.read_rate:,.1f}",
        f"{group.written_rate:,.1f}",
        _caught_up(group),
        hottest,
    )
    waiting = [each for each in group.partitions if each.messages or each.held] if partitions else []
    return [first, *map(_row, sorted(waiting, key=lambda each: -each.messages))]


def _row(lag: PartitionLag) -> tuple[str, ...]:
    held = f"{lag.held} held back" if lag.held else ""
    return (
        "",
        held,
        f"{'' if lag.exact else '~'}{lag.messages:,}",
        f"{lag.seconds:,.1f}",
        f"{lag.read_rate:,.1f}",
        f"{lag.written_rate:,.1f}",
        "",
        f"{lag.topic}[{lag.partition}]",
    )


def _caught_up(group: GroupLag) -> str:
    if not group.messages:
        return "-"
    if group.catch_up_seconds is None:
        return "never" if group.behind else "-"
    return f"{group.catch_up_seconds:,.0f} s"
