"""`headwater rules`: what alerts are made by."""

from __future__ import annotations

import typer

from headwater.cli.alerting import backtest, rules, shadow, validate

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def about() -> None:
    """Rules that alerts are made by: see docs/rules.md."""


validate.add_to(app)
rules.add_to(app)
shadow.add_to(app)
backtest.add_to(app)
