"""`headwater rules`: what alerts are made by."""

from __future__ import annotations

import typer

from headwater.cli import validation

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
validation.add_to(app)


@app.callback()
def rules() -> None:
    """Rules that alerts are made by: see docs/rules.md."""
