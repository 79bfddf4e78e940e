"""`headwater status`: the live screen's figures, once."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import typer
from rich.console import Console

from headwater.cli.configuration import configured
from headwater.settings import ClickHouseSettings
from sandbox.screen.clickhouse_view import Tables
from sandbox.screen.collector import Collector
from sandbox.screen.lines import NARROW
from sandbox.screen.render import render
from sandbox.screen.snapshot import PartView, Snapshot
from sandbox.services.probes import answers_tcp
from sandbox.stack import endpoints as endpoints_file
from sandbox.stack.roles import is_ready
from sandbox.stack.run import addresses

app = typer.Typer(rich_markup_mode=None)
HEIGHT = 40


@app.command()
def status(
    data_dir: Path = typer.Option(
        Path(".headwater"), "--data-dir", envvar="HEADWATER_DATA_DIR", help="Directory of the local stack."
    ),
    seconds: float = typer.Option(2.0, "--seconds", min=0.2, help="Time over which rates are taken."),
    json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Show how the pipeline of a local stack is doing. Exit code 1 when a part does not answer."""
    snapshot = look(data_dir, seconds)
    if json:
        print(orjson.dumps(asdict(snapshot), option=orjson.OPT_INDENT_2).decode())
    else:
        console = Console()
        width = min(console.size.width, NARROW - 1)
        console.print(render(snapshot, width, HEIGHT, live=False))
    if any(part.phase != "ready" for part in snapshot.parts):
        raise typer.Exit(1)


def look(data_dir: Path, seconds: float) -> Snapshot:
    """A snapshot of the stack in `data_dir`, its rates over `seconds`. Raises Fatal when there is none."""
    found = endpoints_file.read(data_dir)
    ports = {role: urlsplit(url).port or 0 for role, url in found.metrics.items()}

    def parts() -> tuple[PartView, ...]:
        services = {
            "kafka": int(found.kafka.split(",")[0].rsplit(":", 1)[1]),
            "registry": urlsplit(found.schema_registry).port or 0,
            "clickhouse": urlsplit(found.clickhouse).port or 0,
        }
        answers = {name: answers_tcp(port) for name, port in services.items()}
        answers |= {role: is_ready(port) for role, port in ports.items()}
        return tuple(PartView(name, "ready" if ok else "no answer") for name, ok in answers.items())

    base = Snapshot(
        found.chain, found.chain_id, data_dir=str(data_dir.absolute()), endpoints=addresses(found)
    )
    tables = Tables(_clickhouse(data_dir, found), found.chain_id)
    collector = Collector(base, ports, tables, parts)
    collector.collect()
    time.sleep(seconds)
    return replace(collector.collect(), **_since(data_dir))


def _clickhouse(data_dir: Path, found: endpoints_file.Endpoints) -> ClickHouseSettings:
    """The stack's own ClickHouse, whatever else the shell's settings name."""
    given = {
        "url": found.clickhouse,
        "username": found.clickhouse_user,
        "password": found.clickhouse_password,
        "database": configured({"data_dir": str(data_dir)}).clickhouse.database,
    }
    return ClickHouseSettings.model_validate(given)


def _since(data_dir: Path) -> dict[str, Any]:
    """How long the stack has been up, or that it is not: by the file that its parent keeps."""
    try:
        return {"uptime": time.time() - (data_dir / "pid").stat().st_mtime}
    except FileNotFoundError:
        return {"uptime": 0.0, "message": "not running: start `headwater up`"}
