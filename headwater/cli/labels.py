"""`headwater labels`: names of addresses, which alerts say beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.alerting import files, topic
from headwater.cli.configuration import configured
from headwater.errors import Fatal
from headwater.settings import Settings
from streams.logic.alerts.configuration import LABEL

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]


@app.command()
def apply(
    file: Annotated[
        Path, typer.Argument(help="One address a line, its label behind it; # begins a comment.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Make the labels what a file says: those that are not in the file are taken out."""
    settings = configured({"data_dir": data_dir})
    try:
        wanted = files.addresses(file.read_text("utf-8"), str(file), labelled=True)
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"cannot read {file}: {error}") from error
    changes = files.replacement(_labels(settings), wanted, LABEL)
    topic.write(settings, changes)
    gone = sum(each is None for each in changes.values())
    print(f"{len(wanted):,} labels; {len(changes) - gone:,} new or changed, {gone:,} taken out")


@app.command(name="list")
def list_labels(data_dir: DataDir = None) -> None:
    """Show the labels, in the form that `apply` reads."""
    for own, label in sorted(_labels(configured({"data_dir": data_dir})).items()):
        print(f"{own} {label}")


def _labels(settings: Settings) -> dict[str, str]:
    return {key.removeprefix(LABEL): each.value for key, each in topic.current(settings, LABEL).items()}
