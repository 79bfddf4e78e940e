"""`python -m tests.faults`: start the stack with its observers, have each fault happen, tell what alerts did.

Exit code 0: each alert fired, and everything was silent once its fault was mended. 1: an alert did not fire
or did not clear, another one stays, or the stack did not run; its logs are in `build/faults`. 2: the machine
lacks something, by name, or there is no such fault. 130: interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from headwater.errors import HeadwaterError
from sandbox.downloads.progress import LineProgress
from sandbox.observing.parts import installed
from sandbox.stack.services import fetch_programs
from tests.faults import disk
from tests.faults.catalogue import FAULTS, Fault
from tests.faults.run import run
from tests.paths import ROOT

FACTOR: Final = 25.0
FOLDER: Final = ROOT / "build" / "faults"
LACKING: Final = 2
INTERRUPTED: Final = 130


def main(words: Sequence[str]) -> int:
    """Choose, enter a mount namespace where there is to be a small disk, and run in there."""
    options = _parser().parse_args(words)
    chosen = [fault for fault in FAULTS if _is_chosen(fault, options.faults)]
    if options.list:
        print(*(f"{fault.name}: {fault.alert}" for fault in chosen), sep="\n")
        return 0
    if not chosen:
        print("make faults: there is no such fault; --list names them all", file=sys.stderr)
        return LACKING
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        if options.within is not None:
            return run(chosen, options.factor, options.within, options.json, small_disk=True)
        return _outside(words, chosen, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except HeadwaterError as error:
        print(f"make faults: {error}", file=sys.stderr)
        return 1


def _outside(words: Sequence[str], chosen: Sequence[Fault], options: argparse.Namespace) -> int:
    try:
        installed()
        fetch_programs(LineProgress(), chain=False)
    except HeadwaterError as error:
        print(f"make faults: {error}", file=sys.stderr)
        return LACKING
    shutil.rmtree(FOLDER, ignore_errors=True)
    place = FOLDER / "clickhouse"
    place.mkdir(parents=True)
    inside = (sys.executable, "-m", "tests.faults", *words, "--within", str(FOLDER))
    command = disk.entered(place, inside)
    if command is None:
        return run(chosen, options.factor, FOLDER, options.json, small_disk=False)
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make faults", description="From each fault to its alert.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these, by words of their names")
    parser.add_argument("--list", action="store_true", help="name them, and do nothing")
    parser.add_argument("--factor", type=float, default=FACTOR, help="the time lapse, 1 to 100 (%(default)g)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="what was seen, for scripts")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    return parser


def _is_chosen(fault: Fault, words: Sequence[str]) -> bool:
    return not words or any(word.lower() in fault.name.lower() for word in words)


def _interrupted(number: int, frame: object) -> NoReturn:
    """Once: a terminal's Ctrl-C reaches the run itself and the one that waits for it, which passes it on."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
