"""`headwater settings`: the effective configuration, masked, and where each value came from."""

from __future__ import annotations

from pathlib import Path

import orjson
import typer
from rich.console import Console

from headwater.cli.configuration import origins
from headwater.cli.tables import table_of

app = typer.Typer(rich_markup_mode=None)


@app.command()
def settings(
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
    json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Show the effective settings, secrets masked, with where each value came from."""
    rows = origins({"data_dir": data_dir})
    if json:
        print(orjson.dumps({name: {"value": value, "from": origin} for name, value, origin in rows}).decode())
        return
    Console().print(table_of(("setting", "value", "from"), rows, ruled=False))
