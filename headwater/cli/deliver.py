"""`headwater deliver`: deliver alerts on the channels that their rules name."""

from __future__ import annotations

from pathlib import Path

import typer

from headwater.cli.role import start_role, stop_on_signals
from topics.groups import DELIVER

app = typer.Typer(rich_markup_mode=None)


@app.command()
def deliver(
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
) -> None:
    """Deliver alerts on the channels that their rules name. Replicas share the channels.

    `headwater channels apply FILE` says which channels there are; their secrets are taken from this process's
    environment, by the names that the channels give.
    """
    from connectors.delivery.app import run_deliver

    stop = stop_on_signals()
    run_deliver(start_role(DELIVER, {"data_dir": data_dir}), stop)
