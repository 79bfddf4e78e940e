"""What a machine must have for `make cluster`, by name, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.paths import DATA

RECORDING: Final = DATA / "mainnet-contiguous-17686110-17686132"
CNI: Final = Path("/usr/lib/cni")
# Programs → the Debian package that has them.
PROGRAMS: Final[Mapping[str, str]] = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "git": "git",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
}
PLUGINS: Final = ("bridge", "host-local", "loopback")
CNI_PACKAGE: Final = "containernetworking-plugins"
SPACE_BYTES: Final = 20 << 30
MEMORY_BYTES: Final = 8 << 30


def missing(
    *,
    uid: int,
    machine: tuple[str, str],
    which: Callable[[str], object],
    plugins: Path = CNI,
    recording: Path = RECORDING,
    free: int,
    memory: int,
) -> list[str]:
    """What is not there, each with its remedy; empty when all is.

    `machine` is (`sys.platform`, `platform.machine()`), `which` finds a program, `free` and `memory` are
    bytes.
    """
    found = []
    if machine != ("linux", "x86_64"):
        found.append(f"Linux on x86-64: this is {machine[0]} on {machine[1]}")
    if uid != 0:
        found.append("root, which namespaces and containers take: sudo make cluster")
    lacking = {PROGRAMS[program]: program for program in PROGRAMS if not which(program)}
    if not all((plugins / plugin).is_file() for plugin in PLUGINS):
        lacking[CNI_PACKAGE] = f"{plugins}/{PLUGINS[0]}"
    if lacking:
        programs = ", ".join(lacking.values())
        found.append(f"{programs}: apt-get install --no-install-recommends {' '.join(lacking)}")
    if not recording.is_dir():
        found.append(
            f"recorded blocks at {recording}: set HEADWATER_TEST_DATA to the folder of real-chain cases"
        )
    if free < SPACE_BYTES:
        found.append(f"disk: {free >> 30} GiB are free, {SPACE_BYTES >> 30} are needed for builds and images")
    if memory < MEMORY_BYTES:
        found.append(f"memory: {memory >> 30} GiB, {MEMORY_BYTES >> 30} are needed")
    return found


def missing_here(folders: tuple[Path, ...]) -> list[str]:
    """`missing` of this machine; `folders` are where builds and state go."""
    return missing(
        uid=os.geteuid(),
        machine=(sys.platform, platform.machine()),
        which=shutil.which,
        free=min(shutil.disk_usage(folder).free for folder in folders),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
