"""The namespaces that a cluster lives in: network, mounts and processes end with the first process.

Nothing in here is seen from outside: loopback and the bridge are the enclosure's own, /run and /var/log are
empty file systems. What outlives namespaces, cgroups and folders, is removed by whoever entered.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from sandbox.supervisor.process import LAUNCH

BRIDGE: Final = "hwbr0"
ADDRESS: Final = "10.77.0.1"
SUBNET: Final = "10.77.0.0/24"
# What containerd, its CNI library and the kubelet write to and cannot be told to leave alone.
SHADOWED: Final = ("/run", "/var/log", "/var/lib/cni")


def run(command: Sequence[str]) -> int:
    """Run a Python command in an enclosure; its exit code.

    SIGTERM to this process, or its death, ends all that runs in there.
    """
    entering = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    entered = [*entering, "--propagation", "private", sys.executable, *command]
    made = [path for path in map(Path, SHADOWED) if not path.exists()]
    for path in made:
        path.mkdir(parents=True)
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), "--", *entered]
    process = subprocess.Popen(launch)
    before = signal.signal(signal.SIGTERM, lambda *_: _end(process))
    try:
        return _ended(process)
    finally:
        _end(process)
        process.wait()
        signal.signal(signal.SIGTERM, before)
        for path in made:
            path.rmdir()


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Its exit code. Ctrl-C reaches those inside too: they are waited for, until it comes again."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the first process inside: `unshare` waits for it, and so for all that die with it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with suppress(OSError):  # it has ended
        first = children.read_text().split()
        for pid in map(int, first):
            os.kill(pid, signal.SIGKILL)
        if not first:
            process.kill()


def become_first() -> None:
    """Go on as a child of this process, which takes in orphans until the child ends."""
    child = os.fork()
    if child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _reap(child)


def _reap(child: int) -> NoReturn:
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def furnish() -> None:
    """From inside: mounts of its own, loopback, and the bridge with the address of services for pods."""
    _run("mount", "--make-rshared", "/")
    for path in SHADOWED:
        _run("mount", "-t", "tmpfs", "tmpfs", path)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "addr", "add", f"{ADDRESS}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def cgroup(name: str, mounts: Path = Path("/proc/mounts")) -> Iterator[str]:
    """A group of that name in every hierarchy of cgroups, removed with all below it in the end."""
    made = [hierarchy / name for hierarchy in hierarchies(mounts.read_text())]
    try:
        for path in made:
            path.mkdir()
            _equip(path)
        yield f"/{name}"
    finally:
        for path in made:
            _remove(path)


def _remove(group: Path) -> None:
    below = [path for path in group.rglob("*") if path.is_dir()]
    for path in sorted(below, key=lambda found: len(found.parts), reverse=True):
        path.rmdir()
    if group.exists():
        group.rmdir()


def name_of(pid: int | str) -> str:
    """What the folder and the cgroup of a run are called: by its process, to be told from those that live."""
    return f"headwater-cluster-{pid}"


def sweep(parent: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Remove folders and cgroups that runs left which were killed without a chance to."""
    places = [parent, *hierarchies(mounts.read_text())]
    for path in [path for place in places for path in place.glob(name_of("*"))]:
        if not Path("/proc", path.name.rpartition("-")[2]).exists():
            if path.parent == parent:
                shutil.rmtree(path)
            else:
                _remove(path)


def _equip(path: Path) -> None:
    """Let a new group run on every processor, and weigh as much as a dozen processes: it holds a whole node.

    Without the second its pods together would get the share of one busy process beside them.
    """
    for setting in ("cpuset.cpus", "cpuset.mems"):
        # Of version 1, where a new group's are empty.
        if (path / setting).exists() and (path.parent / setting).exists():
            (path / setting).write_text((path.parent / setting).read_text())
    for setting, usual in (("cpu.shares", 1024), ("cpu.weight", 100)):
        if (path / setting).exists():
            (path / setting).write_text(str(12 * usual))


def hierarchies(mounts: str) -> list[Path]:
    """Where cgroups are mounted: one place of version 2, or one for each controller."""
    rows = [line.split() for line in mounts.splitlines()]
    return [Path(row[1]) for row in rows if row[2] in ("cgroup", "cgroup2")]


@contextmanager
def state(parent: Path) -> Iterator[Path]:
    """A folder for one run, which goes with it."""
    folder = parent / name_of(os.getpid())
    (folder / "logs").mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def keep_logs(logs: Path, target: Path) -> None:
    """Copy logs to where they stay until the next failure."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(logs, target)
