"""`headwater deliveries`: what became of alerts on their channels, and sending them again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.topic.entries import Wanted, ask, read
from headwater import clock
from headwater.cli.configuration import configured
from headwater.cli.moment import moment
from headwater.cli.tables import cut, table_of
from headwater.errors import Fatal
from headwater.settings import Settings
from schemas.jsonable import to_json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
SHOWN: Final = 50
_TO_ASK: Final = 2

Id = Annotated[str | None, typer.Option("--id", help="Only this delivery, or those of this alert.")]
Channel = Annotated[str | None, typer.Option("--channel", help="Only those of this channel.")]
StateName = Annotated[
    str | None,
    typer.Option("--state", help="Only pending, attempted, delivered, dead, superseded or expired ones."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only alerts published from then on: 2h or 2026-11-28T13:00."),
]
Until = Annotated[str | None, typer.Option("--until", help="Only alerts published before then.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]


@app.command("list")
def list_command(
    id: Id = None,
    channel: Channel = None,
    state: StateName = None,
    since: Since = None,
    until: Until = None,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show what became of alerts on their channels."""
    settings = configured({"data_dir": data_dir})
    _show(read(settings, _wanted(id, channel, state, since, until)), json=json)


@app.command()
def replay(
    id: Id = None,
    channel: Channel = None,
    state: StateName = None,
    since: Since = None,
    until: Until = None,
    yes: Annotated[bool, typer.Option("--yes", help="Queue them; without it nothing is changed.")] = False,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Queue deliveries again: dead ones unless --state or --id says which.

    They go out under their ids, so that a receiver recognises what it has. A version that never arrived and
    that a later one has overtaken stays closed: receivers see versions in their order.

    Exit code 2: there are deliveries, and --yes was not given.
    """
    settings = configured({"data_dir": data_dir})
    if state is None and id is None:
        state = "dead"
    wanted = _wanted(id, channel, state, since, until)
    found = [each for each in read(settings, wanted) if not each.is_open]
    _show(found, json=json)
    if not found or not yes:
        if not json:
            print("Nothing to queue." if not found else f"{len(found)} would be queued: --yes does it.")
        raise typer.Exit(_TO_ASK if found else 0)
    _queue(settings, found)
    if not json:
        print(f"{len(found)} queued: `headwater deliveries list` says what becomes of them.")


def _queue(settings: Settings, found: Sequence[Delivery]) -> None:
    ask(settings, found, clock.now_ms())


def _wanted(
    id: str | None, channel: str | None, state: str | None, since: str | None, until: str | None
) -> Wanted:
    now = clock.now_ms()
    return Wanted(
        id,
        channel,
        None if state is None else _state(state),
        None if since is None else moment(since, "--since", now),
        None if until is None else moment(until, "--until", now),
    )


def _state(text: str) -> State:
    try:
        return State(text.upper())
    except ValueError:
        known = ", ".join(each.value.lower() for each in State)
        raise Fatal(f"--state {text} is not a state", remedy=f"states: {known}") from None


def _show(deliveries: Sequence[Delivery], *, json: bool) -> None:
    if json:
        for each in deliveries:
            print(orjson.dumps(to_json(each.record())).decode())
        return
    rows = [
        (
            datetime.fromtimestamp(each.published_at / 1_000, UTC).strftime("%m-%d %H:%M:%S"),
            each.channel,
            each.rule_id,
            f"0x{each.alert_id.hex()}",
            f"{each.version} {each.status.lower()}",
            each.state.value.lower(),
            str(each.attempts),
            cut(each.problem or ""),
        )
        for each in deliveries[-SHOWN:]
    ]
    names = ("published", "channel", "rule", "alert", "version", "state", "attempts", "problem")
    Console().print(table_of(names, rows))
    if len(deliveries) > SHOWN:
        print(f"{len(deliveries) - SHOWN} earlier ones: --json shows them.")
