"""`headwater schemas`: are the schemas sound, does the registry have them, is a change a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from headwater.cli.configuration import configured
from headwater.cli.patience import patiently
from headwater.errors import Fatal
from schemas import streams
from schemas.history import all_problems
from schemas.history import freeze as freeze_version
from schemas.registry import Registry, register_all

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]


@app.command()
def check(
    offline: Annotated[
        bool, typer.Option("--offline", help="Only against the committed versions, no registry.")
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Hold the schemas against their committed versions and the registry. Exit code 1 on a problem."""
    found = all_problems()
    if not offline:
        registry = Registry(configured({"data_dir": data_dir}))
        for stream in streams():
            found += [
                f"{registry.subject(stream)}: refused: {reason}"
                for reason in registry.incompatibilities(stream)
            ]
    if json:
        print(orjson.dumps({"ok": not found, "streams": list(streams()), "problems": found}).decode())
    else:
        print("\n".join(found) or f"{len(streams())} schemas are sound")
    if found:
        raise typer.Exit(1)


@app.command()
def register(data_dir: DataDir = None, json: Json = False) -> None:
    """Register every schema under its subject, BACKWARD_TRANSITIVE; what is there already keeps its id."""
    settings = configured({"data_dir": data_dir})
    ids = patiently(lambda: register_all(settings))
    if json:
        print(orjson.dumps(ids).decode())
    else:
        print("\n".join(f"{schema_id}\t{subject}" for subject, schema_id in ids.items()))


@app.command()
def freeze(stream: Annotated[str, typer.Argument(help="The stream whose schema has changed.")]) -> None:
    """Commit a changed schema as its stream's next version, with a golden message (in a checkout)."""
    if stream not in streams():
        raise Fatal(f"unknown stream {stream}", remedy=f"one of {', '.join(streams())}")
    try:
        version = freeze_version(stream)
    except ValueError as error:
        raise Fatal(str(error), remedy="give new fields defaults, keep names and types") from error
    print(
        f"{stream}: the schema is its last version"
        if version is None
        else f"{stream}: v{version.number} written"
    )
