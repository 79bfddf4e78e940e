"""`headwater up`: everything on this machine, in one terminal."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.live import Live

from headwater.cli.alerting.local import LocalRules
from headwater.digits import decimal
from headwater.errors import Fatal
from headwater.settings import load_settings, logins
from sandbox.downloads.progress import shown
from sandbox.observing.parts import installed
from sandbox.screen.lines import line
from sandbox.screen.render import render
from sandbox.screen.snapshot import Snapshot
from sandbox.stack.datadir import DataDir
from sandbox.stack.options import Options, Show
from sandbox.stack.receiving import read_channels
from sandbox.stack.roles import ROLES
from sandbox.stack.run import Run
from sandbox.stack.services import Programs, fetch_programs

app = typer.Typer(rich_markup_mode=None)
REFRESH_SECONDS = 0.5
PLAIN_SECONDS = 5.0
IMPATIENT = 3


class PlainShow(Show):
    """Lines: what happens at once, figures every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0
        self._phases: dict[str, str] = {}
        self._visible = False

    def update(self, snapshot: Snapshot) -> None:
        for part in snapshot.parts:
            if part.phase == "ready" and self._phases.get(part.name) != "ready":
                self.note(f"{part.name} is ready ({snapshot.uptime:.1f} s)")
            self._phases[part.name] = part.phase
        if snapshot.visible is not None and not self._visible:
            self._visible = True
            at = f"({snapshot.uptime:.1f} s)"
            self.note(f"rows are visible in ClickHouse up to block {snapshot.visible} {at}")
        if snapshot.head is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_SECONDS
            self.note(line(snapshot))

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveShow(Show):
    """The live screen; lines that should stay are kept for the end."""

    feed = True

    def __init__(self, console: Console, live: Live) -> None:
        self._console, self._live = console, live
        self._next = 0.0
        self.notes: list[str] = []

    def update(self, snapshot: Snapshot) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + REFRESH_SECONDS
            size = self._console.size
            self._live.update(render(snapshot, size.width, size.height), refresh=True)

    def note(self, text: str) -> None:
        self.notes.append(text)


@app.command()
def up(
    data_dir: Path = typer.Option(
        Path(".headwater"), "--data-dir", envvar="HEADWATER_DATA_DIR", help="State and logs of everything."
    ),
    rpc: list[str] = typer.Option([], "--rpc", help="Follow this node, not a local chain. Repeatable."),
    start: str | None = typer.Option(
        None,
        "--start",
        metavar="latest|earliest|N",
        help="First block of an empty directory (latest; earliest on the local chain).",
    ),
    for_seconds: float | None = typer.Option(None, "--for", min=0.0, help="Stop after this many seconds."),
    until_block: int | None = typer.Option(
        None, "--until-block", min=0, help="Stop once this block is visible in ClickHouse."
    ),
    brokers: int | None = typer.Option(
        None, "--brokers", help="Kafka brokers, 1 or 3 (1, or as many as the directory has)."
    ),
    traffic: float = typer.Option(
        5.0, "--traffic", min=0.0, help="Transactions a second on the local chain; 0: none."
    ),
    seed: int = typer.Option(1, "--seed", help="Seed of the traffic."),
    rules: Path | None = typer.Option(
        None, "--rules", metavar="DIR", help="Rules for alerts (YAML), in place of the built-in ones."
    ),
    channels: Path | None = typer.Option(
        None, "--channels", metavar="FILE", help="Channels for alerts (YAML), in place of local and console."
    ),
    observe: bool = typer.Option(
        False, "--observe", help="Prometheus and Alertmanager too, with the chart's alert rules."
    ),
    time_lapse: float = typer.Option(
        1.0,
        "--time-lapse",
        min=1.0,
        max=100.0,
        help="With --observe: divide all durations of the alert rules by this, so as to see them fire.",
    ),
    without: list[str] = typer.Option(
        [],
        "--without",
        metavar="ROLE",
        help="Leave this process out; a stage or the sink may run elsewhere. Repeatable.",
    ),
    plain: bool = typer.Option(False, "--plain", help="Lines instead of a screen."),
    kafka_port: int = typer.Option(0, "--kafka-port", min=0, max=65535, help="0: a free one."),
    registry_port: int = typer.Option(0, "--registry-port", min=0, max=65535, help="0: a free one."),
    clickhouse_port: int = typer.Option(0, "--clickhouse-port", min=0, max=65535, help="0: a free one."),
    rpc_port: int = typer.Option(0, "--rpc-port", min=0, max=65535, help="Local chain. 0: a free one."),
) -> None:
    """Run everything on this machine: local stack, traffic, pipeline, live screen."""
    if brokers not in (None, 1, 3):
        raise Fatal(f"--brokers {brokers} is not possible", remedy="use 1 or 3")
    if start is not None and start not in ("latest", "earliest") and decimal(start) is None:
        raise Fatal(f"--start {start} is not a place to start", remedy="use latest, earliest or a number")
    if time_lapse != 1 and not observe:
        raise Fatal("--time-lapse is about the alert rules", remedy="add --observe, which has them evaluated")
    names = [role.name for role in ROLES]
    if unknown := [each for each in without if each not in names]:
        raise Fatal(f"--without {unknown[0]} is not a process of ours", remedy=f"one of {', '.join(names)}")
    if channels is not None:
        read_channels(channels)
    if observe:
        installed()
    bounds = load_settings({}, ignored=logins()).alerts
    local_rules = LocalRules(rules, local_chain=not rpc, bounds=bounds)
    ports = {
        "kafka": kafka_port,
        "schema-registry": registry_port,
        "clickhouse": clickhouse_port,
        "rpc": rpc_port,
    }
    options = Options(
        data_dir=data_dir,
        rpc=tuple(rpc),
        start=start,
        for_seconds=for_seconds,
        until_block=until_block,
        brokers=brokers,
        channels=channels,
        rules=local_rules.apply,
        traffic=traffic,
        seed=seed,
        observe=observe,
        time_lapse=time_lapse,
        without=frozenset(without),
        ports={name: port for name, port in ports.items() if port},
    )
    console = Console()
    stop = stop_event()
    with DataDir(options.data_dir) as directory:
        with shown(console) as progress:
            programs = fetch_programs(progress, chain=not options.rpc)
        if plain or not console.is_terminal:
            Run(options, directory, programs, PlainShow(console)).run(stop)
        else:
            _run_live(options, directory, programs, console, stop)
    console.print("stopped; `headwater up` continues where it stopped", highlight=False)


def _run_live(
    options: Options, directory: DataDir, programs: Programs, console: Console, stop: threading.Event
) -> None:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        show = LiveShow(console, live)
        try:
            Run(options, directory, programs, show).run(stop)
        finally:
            live.stop()
            for text in show.notes:
                console.print(text, markup=False, highlight=False)


def stop_event() -> threading.Event:
    """Set by SIGINT, SIGTERM and SIGHUP (a closed terminal). The third one ends everything at once."""
    stop = threading.Event()
    received = 0

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        stop.set()
        if received >= IMPATIENT:
            os._exit(128 + number)  # the kernel ends the children with this process

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    return stop
