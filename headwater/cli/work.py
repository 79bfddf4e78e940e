"""`headwater work GROUP…`: the stream workers of one or more groups."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import typer

from headwater.cli.role import start_role, stop_on_signals
from headwater.errors import Fatal
from headwater.logging import get_logger
from topics.groups import NAMES

app = typer.Typer(rich_markup_mode=None)
# A worker drains for up to ten seconds.
DRAIN_SECONDS: Final = 12.0
_LOOK_SECONDS: Final = 0.2
_METRICS: Final = "HEADWATER_METRICS_PORT"


@app.command()
def work(
    groups: list[str] = typer.Argument(..., metavar="GROUP…", help=f"{', '.join(NAMES)}."),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
) -> None:
    """Run the worker of each GROUP until SIGTERM. Each group is a Faust application of its own.

    One group runs in this process. Several run as one child process each: two Faust applications in
    one event loop would share its one core and stop together. When one of them ends, all do.
    """
    # Until a worker listens to signals itself, there is nothing to drain.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    overrides = {"data_dir": data_dir}
    unique = list(dict.fromkeys(groups))
    if len(unique) == 1:
        settings = start_role(unique[0], overrides)
        # Imported here: settings are checked before Faust is loaded.
        from streams.workers import run_worker

        run_worker(settings, unique[0])
        return
    start_role("work", overrides)
    _supervise(unique, data_dir)


def _supervise(groups: list[str], data_dir: Path | None) -> None:
    """Run one child per group and end with the first of them. Raises Fatal when one fails."""
    log = get_logger("headwater.work")
    stop = stop_on_signals()
    options = [] if data_dir is None else ["--data-dir", str(data_dir)]
    # The metrics port is this process's; each child takes a free one and says so in its log.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_METRICS)}
    children = {
        group: subprocess.Popen([sys.executable, "-m", "headwater", "work", group, *options], env=environment)
        for group in groups
    }
    try:
        while not stop.is_set() and all(child.poll() is None for child in children.values()):
            stop.wait(_LOOK_SECONDS)
    finally:
        codes = _end(children)
    failed = {group: code for group, code in codes.items() if code != 0}
    if failed:
        log.error("workers failed", exit_codes=failed)
        raise Fatal(
            ", ".join(f"the worker of {group} ended with exit code {code}" for group, code in failed.items()),
            remedy="its own lines above say why",
        )


def _end(children: dict[str, subprocess.Popen[bytes]]) -> dict[str, int]:
    """Ask all to drain, then wait; a child that does not drain in time is killed."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + DRAIN_SECONDS
    codes = {}
    for group, child in children.items():
        try:
            codes[group] = child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            codes[group] = child.wait()
    return codes
