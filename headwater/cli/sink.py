"""`headwater sink`: write the public topics to ClickHouse."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from headwater.cli.role import start_role, stop_on_signals
from topics.groups import SINK

app = typer.Typer(rich_markup_mode=None)


@app.command()
def sink(
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
    accept_topics: bool = typer.Option(
        False,
        "--accept-topics",
        help="Once, when topics were made anew or lost messages: forget how far the former ones were stored.",
    ),
) -> None:
    """Write the public topics to ClickHouse. Any number of replicas share the partitions."""
    from connectors.clickhouse.sink.app import run_sink

    stop = stop_on_signals()
    settings = start_role(SINK, {"data_dir": data_dir})
    if not run_sink(settings, stop, accept_topics=accept_topics):
        # Something hangs in a socket; everything that counts is committed or will be read again.
        sys.stderr.flush()
        os._exit(0)
