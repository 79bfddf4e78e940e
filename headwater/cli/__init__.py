"""The `headwater` command: one module for each command, imported only when it is asked for.

Read it in this order: `COMMANDS` below, `role` (what every long-running process does first: settings,
logs, metrics, signals), `listen`, `work`, `sink` and `deliver` (those processes), then the command
that is asked about:

- to set up: `up`, `topics`, `schemas`, `migrate`, `node`, `settings`, `version`;
- to look: `status`, `lag`, `doctor`, `sql`, `verify`, `check_stream`, `stats`, `deliveries`;
- to set and to mend: `rules`, `lists`, `labels`, `channels`, `tokens`, `replay`.

Of what some of them share, `extras` names the commands that need the extra `local`, `configuration` has
the settings, `patience` waits for services; `applying` and `alerting/` are of files that are applied,
`moment` of times, `tables`, `letters`, `repairs` and `node_check` of what is shown; `examination/` is the
doctor's, `history` and `statistics/` that of windows made again. A new command is a module with `app`, a
line in `COMMANDS` and a page that names it; a process has its entry in `sandbox.stack.roles` too, so that
`headwater up` runs it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import inspect
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final

import typer

from headwater import __version__
from headwater.cli.extras import require_local
from headwater.errors import Fatal, HeadwaterError
from headwater.redaction import redact
from headwater.trust import trust_also
from topics.groups import NAMES

# name → what `headwater --help` says. The module that `module_of` names has `app`, a Typer.
COMMANDS: Final[dict[str, str]] = {
    "up": "Run everything on this machine: local stack, traffic, pipeline, live screen.",
    "listen": "Follow the head of a chain and publish it to Kafka.",
    "work": f"Run the stream workers of one or more groups: {', '.join(NAMES)}.",
    "sink": "Write the public topics to ClickHouse.",
    "deliver": "Deliver alerts on the channels that their rules name.",
    "channels": "Say where alerts are delivered: apply, list, test and remove channels.",
    "deliveries": "Show what became of alerts on their channels, and send them again.",
    "topics": "List, plan, apply, tail and export the topics.",
    "schemas": "Check and register the Avro schemas.",
    "migrate": "Bring the ClickHouse tables up to date.",
    "sql": "Ask ClickHouse.",
    "status": "Show how the pipeline is doing.",
    "doctor": "Examine what the processes need, and say what to do where it is not as it should be.",
    "lag": "Show how far every consumer group is behind, and what more replicas would do.",
    "verify": "Prove that node, coverage and tables agree.",
    "check-stream": "Prove that the public topics keep their promises to consumers.",
    "rules": "Put rules for alerts in force, show them, take them out.",
    "lists": "Keep the lists of addresses that rules ask about.",
    "labels": "Name the addresses that alerts speak of.",
    "tokens": "Say what tokens are called and how many decimals they have: apply, remove and show them.",
    "stats": "Make statistics again where they lack something.",
    "replay": "Show the dead letters, and have their blocks said again.",
    "settings": "Show the effective settings, secrets masked.",
    "node": "Check nodes, record a node's answers and serve them as a node; fork the local chain.",
    "version": "Show the version of Headwater, of Python and of the packages it runs on.",
}


YOUNG_OBJECTS: Final = 20_000
"""How many more objects than before make Python look for cycles among the newest; 700 by default.

Loading a role's modules makes tens of thousands that stay, and reading one block thousands that go by
themselves: looking through them took a tenth of a start and a twentieth of the listener's work.
"""


def build(words: Sequence[str]) -> typer.Typer:
    """The command line, importing only the modules of the commands that `words` name.

    `headwater --help` must not wait for Kafka and chDB to be imported.
    """
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name, summary in COMMANDS.items():
        if name not in words:
            app.command(name, help=summary)(_not_loaded)
            continue
        require_local(name, words)
        module: typer.Typer = importlib.import_module(module_of(name)).app
        commands = module.registered_commands
        if len(commands) == 1 and module.registered_callback is None and commands[0].callback is not None:
            own = commands[0].callback
            app.command(name, short_help=summary, help=_explained(summary, own))(own)
        else:
            app.add_typer(module, name=name, help=summary)
    return app


def module_of(command: str) -> str:
    """The name of a command's module: headwater.cli.<name>, with underscores for dashes."""
    return f"headwater.cli.{command.replace('-', '_')}"


def _explained(summary: str, command: Callable[..., object]) -> str:
    """The summary, and what the command's docstring says beyond its own first paragraph."""
    more = (inspect.getdoc(command) or "").partition("\n\n")[2]
    return f"{summary}\n\n{more}" if more else summary


def _not_loaded() -> None:
    raise Fatal("this command was not loaded", remedy="name the command as a word of its own")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_print_version, help="Print the version and leave."
    ),
) -> None:
    """Blockchain nodes to clean, complete, reorg-proof Kafka streams and ClickHouse tables."""


def _typed_so_far(environ: Mapping[str, str]) -> list[str]:
    """The words that a shell asks to complete: bash passes COMP_WORDS, the others typer's own variable."""
    return [word for name in ("COMP_WORDS", "_TYPER_COMPLETE_ARGS") for word in environ.get(name, "").split()]


def main() -> None:
    """Run the command; a known failure is one line on standard error and exit code 1."""
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
    failed = threading.Event()
    # First of all, so that it is the last that Python does.
    atexit.register(_end_at_once, failed)
    sys.excepthook = _defect
    try:
        trust_also(os.environ)
        build([*sys.argv[1:], *_typed_so_far(os.environ)])()
    except HeadwaterError as error:
        print(f"headwater: {error}", file=sys.stderr)
        failed.set()
        raise SystemExit(1) from error


def _defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught passes no logger: as Python tells it, but for logins and keys."""
    print(redact("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def _end_at_once(failed: threading.Event) -> None:
    """After a known failure, end without C's exit handlers.

    The failure keeps the frames that it passed through, and Kafka clients in them. OpenSSL's handler takes
    down what their threads may just be using for a TLS handshake: the process would end by SIGSEGV.
    """
    if failed.is_set():
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
