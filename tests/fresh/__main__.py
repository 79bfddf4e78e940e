"""`python -m tests.fresh RELEASE…`: build a minimal root of each Debian release, run both commands in it.

What a newcomer's machine lacks is missing there: Node.js, Java, uv, git, caches, a settings file.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.fresh import checkout
from tests.fresh import root as fresh

HOME = "home/headwater"
COMMANDS = (
    ("make run, to block 40", ("make", "run", "ARGS=--plain --until-block 40")),
    ("make test", ("make", "test")),
)


def main(releases: list[str]) -> int:
    """Exit code 0 when both commands succeed in every release; prints how long each step took."""
    for program, remedy in (("mmdebstrap", "apt-get install mmdebstrap"), ("unshare", "install util-linux")):
        if shutil.which(program) is None:
            print(f"make fresh: {program} is not here: {remedy}", file=sys.stderr)
            return 1
    if os.geteuid() != 0:
        print("make fresh: it makes a chroot, which only root may: sudo make fresh", file=sys.stderr)
        return 1
    steps: list[tuple[str, str, float, bool]] = []
    for release in releases:
        with tempfile.TemporaryDirectory(prefix=f"headwater-fresh-{release}-", dir="/var/tmp") as folder:
            _try(release, Path(folder) / "root", steps)
    for release, step, seconds, passed in steps:
        print(f"{release:10} {step:24} {seconds:7.0f} s  {'passed' if passed else 'FAILED'}")
    return 0 if all(passed for *_, passed in steps) else 1


def _try(release: str, root: Path, steps: list[tuple[str, str, float, bool]]) -> None:
    began = time.monotonic()
    fresh.build(release, root)
    checkout.copy(checkout.files(), root / HOME)
    steps.append((release, "the root", time.monotonic() - began, True))
    for step, command in COMMANDS:
        print(f"== {release}: {step}", flush=True)
        began = time.monotonic()
        code = fresh.run(root, f"/{HOME}", command)
        steps.append((release, step, time.monotonic() - began, code == 0))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
