"""`python -m tests.cluster`: build what is missing, run the chart on a real Kubernetes, print what it took.

Exit code 0: every step was done, and what must hold held after each. 1: it did not, with the logs in
`build/cluster`. 2: the machine lacks something, by name. 130: interrupted. Nothing of it runs on, however it
ends.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from headwater.errors import HeadwaterError
from sandbox.downloads.cache import cache_dir
from sandbox.downloads.progress import LineProgress
from sandbox.stack.services import fetch_programs
from tests.cluster import builds, enclosure, images, needs
from tests.cluster.report import Entry, Report, table
from tests.helm import toolbox
from tests.paths import ROOT

STATE: Final = Path("/var/tmp")
LOGS: Final = ROOT / "build" / "cluster"
LACKING: Final = 2
INTERRUPTED: Final = 130


def main(words: list[str]) -> int:
    """The whole of it; what a step takes is told as it goes."""
    parser = argparse.ArgumentParser(prog="make cluster", description="The chart on a real Kubernetes.")
    parser.add_argument("--without-keda", action="store_true", help="all but scaling, and KEDA is not built")
    scaled = not parser.parse_args(words).without_keda
    if lacking := needs.missing_here((cache_dir(), STATE)):
        print("make cluster needs, and this machine has not:", *lacking, sep="\n  ", file=sys.stderr)
        return LACKING
    last = cache_dir() / "cluster" / "last-run.json"
    before = {each.step: each.seconds for each in Report(last).entries()}
    entries: list[Entry] = []
    try:
        _make(entries, scaled=scaled)
        code = _enter(entries, scaled=scaled)
    except KeyboardInterrupt:
        return INTERRUPTED
    except HeadwaterError as error:
        print(f"make cluster: {error}", file=sys.stderr)
        return 1
    except pytest.skip.Exception as reason:  # how the chart's tools say that they cannot be had
        print(f"make cluster: {reason}", file=sys.stderr)
        return LACKING
    print(table(entries, before), flush=True)
    if code == 0:
        Report(last).write(entries)
    return code


def _make(entries: list[Entry], *, scaled: bool) -> None:
    """What is made once: a line each, with what it takes where it is not there yet."""
    makers: tuple[tuple[str, bool, str, Callable[[], object]], ...] = (
        ("Helm and kubectl", False, "", lambda: (toolbox.helm(), toolbox.kubectl())),
        ("services' programs", False, "", lambda: fetch_programs(LineProgress(), chain=False)),
        *(
            (f"build {each.name}", builds.folder(each).exists(), f"{each.minutes} min of CPU", _built(each))
            for each in (builds.PAUSE, builds.KUBE, *((builds.KEDA,) if scaled else ()))
        ),
        ("image of pause", images.pause_archive().exists(), "seconds", images.make_pause),
        ("base of the image", images.base_archive().exists(), "two minutes", images.make_base),
        ("images", images.images().exists(), "two minutes", images.make_images),
    )
    for name, there, takes, make in makers:
        if takes and not there:
            print(f"{name}: about {takes}, once", flush=True)
        began = time.monotonic()
        make()
        entries.append(Entry(name, time.monotonic() - began, "was there" if there else ""))


def _built(build: builds.Build) -> Callable[[], object]:
    return lambda: builds.built(build)


def _enter(entries: list[Entry], *, scaled: bool) -> int:
    """Run inside, and take what it did into the entries; its exit code."""
    enclosure.sweep(STATE)
    with enclosure.state(STATE) as folder, enclosure.cgroup(enclosure.name_of(os.getpid())) as group:
        options = () if scaled else ("--without-keda",)
        code = enclosure.run(["-m", "tests.cluster.inside", str(folder), group, *options])
        entries += Report(folder / "report.json").entries()
        if code != 0:
            enclosure.keep_logs(folder / "logs", LOGS)
            print(f"make cluster: logs are in {LOGS}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
