"""`headwater channels`: where alerts are delivered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from connectors.delivery.channels import text
from connectors.delivery.channels.channel import ChannelSettings, Services, Unusable
from connectors.delivery.channels.http import Http
from connectors.delivery.channels.webhook import WebhookSettings
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.delivery import Delivery, State, delivery_id
from connectors.delivery.queue.notification import Notification
from connectors.delivery.topic.channels import Applied, ChannelTopic, apply, remove
from headwater import clock
from headwater.cli.applying import text_of
from headwater.cli.configuration import configured
from headwater.cli.tables import table_of
from headwater.errors import Fatal
from headwater.redaction import redact
from headwater.settings import Settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
_TEST_ALERT: Final = bytes(16)


@app.command("apply")
def apply_command(
    file: Annotated[Path, typer.Argument(help="YAML: one channel, or a list of them; - for standard input.")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the channels that are not in the file.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Add and change channels. A new one gets what is published from now on.

    A channel that is known goes on where it is. What it is set to takes effect within a second.
    """
    settings = configured({"data_dir": data_dir})
    wanted = text.read(text_of(file), file.name)
    for each in wanted:
        if isinstance(each.settings, WebhookSettings) and (
            problem := each.settings.problem(settings.delivery)
        ):
            raise Fatal(f"channel {each.id}: the address is refused: {problem}")
    known = _known(settings)
    apply(settings, wanted, known)
    for each in wanted:
        print(f"{each.id}: {'changed' if each.id in known else 'added'}")
    for name in sorted(known.keys() - {each.id for each in wanted}) if prune else ():
        remove(settings, name)
        print(f"{name}: removed")


@app.command("remove")
def remove_command(channel: Annotated[str, typer.Argument(help="Its id.")], data_dir: DataDir = None) -> None:
    """Remove a channel. What waits on it becomes a dead letter."""
    settings = configured({"data_dir": data_dir})
    _one(_known(settings), channel)
    remove(settings, channel)
    print(f"{channel}: removed")


@app.command("list")
def list_command(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the channels, addresses masked."""
    known = _known(configured({"data_dir": data_dir}))
    if json:
        for each in known.values():
            print(orjson.dumps(_described(each)).decode())
        return
    rows = [
        (each.id, each.kind, _time(each.since), redact(each.text), each.problem) for each in known.values()
    ]
    Console().print(table_of(("channel", "kind", "gets what is published from", "settings", "problem"), rows))


@app.command("test")
def try_command(channel: Annotated[str, typer.Argument(help="Its id.")], data_dir: DataDir = None) -> None:
    """Send a test alert on a channel from here, with the secrets of this environment."""
    settings = configured({"data_dir": data_dir})
    applied = _one(_known(settings), channel)
    if applied.settings is None:
        raise Fatal(f"channel {channel} cannot be used: {applied.problem}")
    try:
        outcome = asyncio.run(_sent(settings, applied.settings, _alert(channel, clock.now_ms())))
    except Unusable as error:
        here = "this test is sent from here, with the variables of this shell"
        raise Fatal(f"channel {channel}: {error.message}", remedy=f"{error.remedy}; {here}") from error
    if outcome.answer is not Answer.TAKEN:
        raise Fatal(f"channel {channel}: {outcome.problem or outcome.answer.value}")
    status = f" (HTTP {outcome.http_status})" if outcome.http_status is not None else ""
    print(f"{channel}: delivered{status}")


async def _sent(settings: Settings, channel: ChannelSettings, alert: Delivery) -> Outcome:
    http = Http(settings.delivery)
    try:
        return await channel.make(Services(http, os.environ)).send(
            Notification((alert,), grouped=channel.grouping is not None)
        )
    finally:
        await http.close()


def _alert(channel: str, now: int) -> Delivery:
    shown = {
        "alert_id": f"0x{_TEST_ALERT.hex()}",
        "rule_id": "test",
        "severity": "INFO",
        "status": "PROVISIONAL",
        "version": now,
        "title": "A test of this channel by headwater channels test",
        "test": True,
    }
    return Delivery(
        chain_id=0,
        delivery_id=delivery_id(_TEST_ALERT, now, channel),
        channel=channel,
        alert_id=_TEST_ALERT,
        version=now,
        status="PROVISIONAL",
        rule_id="test",
        severity="INFO",
        state=State.ATTEMPTED,
        attempts=1,
        replays=0,
        revision=1,
        alert_partition=0,
        alert_offset=0,
        block_timestamp=None,
        published_at=now,
        queued_at=now,
        updated_at=now,
        first_attempt_at=now,
        delivered_at=None,
        not_before=None,
        http_status=None,
        problem=None,
        payload=orjson.dumps(shown).decode(),
    )


def _known(settings: Settings) -> Mapping[str, Applied]:
    topic = ChannelTopic(settings)
    try:
        return topic.refresh()
    finally:
        topic.close()


def _one(known: Mapping[str, Applied], channel: str) -> Applied:
    if channel not in known:
        raise Fatal(
            f"there is no channel {channel}", remedy=f"there are: {', '.join(sorted(known)) or 'none'}"
        )
    return known[channel]


def _described(applied: Applied) -> dict[str, object]:
    return {
        "channel": applied.id,
        "kind": applied.kind,
        "since": applied.since,
        "applied_by": applied.applied_by,
        "settings": orjson.loads(redact(applied.text)),
        "problem": applied.problem or None,
    }


def _time(milliseconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(" ", "seconds")
