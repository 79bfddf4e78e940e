"""`headwater labels`: names of addresses, which alerts say beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.alerting import files, topic
from headwater.cli.applying import outcome, replacement, text_of
from headwater.cli.configuration import configured
from headwater.settings import Settings
from streams.logic.alerts.configuration import LABEL

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]


@app.command()
def apply(
    file: Annotated[
        Path,
        typer.Argument(
            help="One address a line, its label behind it; # begins a comment; - for standard input."
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Make the labels what a file says: those that are not in the file are taken out."""
    settings = configured({"data_dir": data_dir})
    wanted = files.addresses(text_of(file), str(file), labelled=True)
    changes = replacement(_labels(settings), wanted)
    topic.write(settings, {f"{LABEL}{own}": each for own, each in changes.items()})
    print(outcome("labels", wanted, changes))


@app.command(name="list")
def list_labels(data_dir: DataDir = None) -> None:
    """Show the labels, in the form that `apply` reads."""
    for own, label in sorted(_labels(configured({"data_dir": data_dir})).items()):
        print(f"{own} {label}")


def _labels(settings: Settings) -> dict[str, str]:
    return {key.removeprefix(LABEL): each.value for key, each in topic.current(settings, LABEL).items()}
