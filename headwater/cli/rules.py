"""`headwater rules`: what alerts are made by."""

from __future__ import annotations

import typer

from headwater.cli.alerting import backtest, rules

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
rules.add_to(app)
backtest.add_to(app)
