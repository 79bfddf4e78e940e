"""`headwater topics`: the catalogue, what a cluster lacks of it, and what stands in its topics."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from headwater import logging
from headwater.cli.configuration import configured
from headwater.cli.patience import patiently
from headwater.cli.tables import table_of
from headwater.settings import Settings
from schemas.registry import Registry
from topics import admin
from topics.admin import Action, Change
from topics.catalog import TOPICS, topic_name, wanted
from topics.docs import export
from topics.spec import DAY_MS
from topics.tail import Decoder, dump, follow, resolve, shorten

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]
Force = Annotated[
    bool, typer.Option("--force", help="Grow keyed topics too; stop their readers and drain them first.")
]
_SCREEN_TEXT = 160
_WIDE = 140


@app.command(name="list")
def list_topics(data_dir: DataDir = None, json: Json = False) -> None:
    """Show the topics of the catalogue, those of the Faust applications included."""
    settings = configured({"data_dir": data_dir})
    entries = {topic_name(settings, entry.stream): entry for entry in TOPICS}
    rows = []
    for name, (partitions, config) in wanted(settings).items():
        entry = entries.get(name)
        kept = config.get("retention.ms", "")
        rows.append(
            {
                "topic": name,
                "stream": entry.stream if entry else "",
                "key": entry.key if entry else "",
                "partitions": partitions,
                "cleanup": config["cleanup.policy"],
                "kept": "for ever" if kept == "-1" else f"{int(kept) // DAY_MS} d",
                "visibility": entry.visibility.value if entry else "faust",
                "written by": ", ".join(entry.producers) if entry else "",
                "read by": ", ".join(entry.consumers) if entry else "",
            }
        )
    _print(rows, json=json, hidden=("stream", "key", "visibility", "kept"))


@app.command()
def plan(data_dir: DataDir = None, json: Json = False, force: Force = False) -> None:
    """Show what `apply` would change in the cluster. Exit code 2 when there is something."""
    changes = admin.plan(_settings(data_dir), force=force)
    _print_changes(changes, json=json)
    if any(change.action is not Action.KEEP for change in changes):
        raise typer.Exit(2)


@app.command()
def apply(data_dir: DataDir = None, json: Json = False, force: Force = False) -> None:
    """Create and alter topics; never shrink or delete. Exit code 1 when a change was refused."""
    settings = _settings(data_dir)
    changes = patiently(lambda: admin.apply(settings, force=force))
    _print_changes(changes, json=json)
    if any(change.action is Action.REFUSED for change in changes):
        raise typer.Exit(1)


@app.command()
def tail(
    stream: Annotated[str, typer.Argument(help="A stream of the catalogue, or any topic's whole name.")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All the topic holds, then what comes.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many messages.")] = None,
    no_follow: Annotated[bool, typer.Option("--no-follow", help="Stop at the topic's present end.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Print a topic's committed messages as decoded JSON lines: bytes as 0x hex, timestamps in ms.

    Long texts are cut on a terminal, unless --json is given.
    """
    settings = _settings(data_dir)
    decoder = Decoder(Registry(settings).schema)
    whole = json or not sys.stdout.isatty()
    messages = follow(
        settings,
        resolve(settings, stream),
        from_beginning=from_beginning,
        forever=not no_follow,
        idle=lambda: False,
    )
    try:
        for message in itertools.islice(messages, limit):
            line = decoder.line(message)
            sys.stdout.write(dump(line if whole else shorten(line, _SCREEN_TEXT)) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our lines has enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    finally:
        messages.close()


@app.command(name="export")
def export_files(
    root: Annotated[Path, typer.Option(help="The repository.")] = Path(),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 on drift.")] = False,
    json: Json = False,
) -> None:
    """Write docs/topics.md, docs/asyncapi.yaml and the chart's topics.json from the catalogue."""
    stale = export.drift(root) if check else export.write(root)
    done = "differs from the catalogue" if check else "written"
    _print(
        [{"file": str(path), "now": done} for path in stale], json=json, nothing="everything is up to date"
    )
    if check and stale:
        raise typer.Exit(1)


def _settings(data_dir: Path | None) -> Settings:
    """Settings of a command that talks to Kafka: what the client warns of must not be among its lines."""
    settings = configured({"data_dir": data_dir})
    logging.configure("topics", settings.log_level, settings.log_format)
    return settings


def _print_changes(changes: list[Change], *, json: bool) -> None:
    rows: list[dict[str, object]] = [
        {"action": each.action.value, "topic": each.topic, "what": each.what, "reason": each.reason}
        for each in changes
    ]
    _print(rows, json=json, nothing="nothing to do: the cluster has all topics as the catalogue says")


def _print(
    rows: list[dict[str, object]], *, json: bool, nothing: str = "nothing", hidden: tuple[str, ...] = ()
) -> None:
    if json:
        print(orjson.dumps(rows).decode())
        return
    if not rows:
        print(nothing)
        return
    console = Console()
    hidden = hidden if console.width < _WIDE else ()
    names = [name for name in rows[0] if name not in hidden]
    cells = ([str(row[name]) for name in names] for row in rows)
    console.print(table_of(names, cells, whole=("topic", "action"), ruled=False))
