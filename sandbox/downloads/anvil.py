"""anvil, the local chain, from its npm package."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tarfile
from pathlib import Path

from headwater.errors import Fatal, Permanent
from sandbox.downloads.cache import cache_dir, place
from sandbox.downloads.npm import pack
from sandbox.downloads.progress import DownloadProgress

LOCK = Path(__file__).parent / "anvil.json"
_BY_HAND = "install anvil by hand and set HEADWATER_ANVIL to the program"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def anvil_binary(progress: DownloadProgress) -> Path:
    """The anvil program: `HEADWATER_ANVIL`, else fetched when absent.

    Raises Fatal when there is none for this machine, Transient when it could not be fetched, Permanent
    when its bytes are not the committed ones.
    """
    chosen = os.environ.get("HEADWATER_ANVIL")
    if chosen:
        path = Path(chosen).expanduser()
        if not os.access(path, os.X_OK):
            raise Fatal(f"HEADWATER_ANVIL names {path}, which is not a program", remedy="correct or unset it")
        return path
    lock = json.loads(LOCK.read_text())
    version = str(lock["version"])
    target = platform_name()
    if target not in lock["packages"]:
        raise Fatal(
            f"no anvil {version} is known for {target}",
            remedy=f"install anvil {version} by hand and set HEADWATER_ANVIL to the program, "
            "or follow a real node: --rpc URL",
        )
    package = lock["packages"][target]
    return place(
        cache_dir() / f"anvil-{version}-{target}",
        lambda staging: _fetch(
            f"{package['name']}@{version}", str(package["integrity"]), int(package["size"]), staging, progress
        ),
    )


def platform_name() -> str:
    """This machine as the packages name it, e.g. `linux-amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{MACHINES.get(machine, machine)}"


def _fetch(spec: str, integrity: str, size: int, staging: Path, progress: DownloadProgress) -> None:
    advance = progress.part("fetching anvil", size)
    packed = pack(spec, integrity, staging.parent, _BY_HAND)
    with tarfile.open(packed) as tar:
        member = tar.getmember("package/bin/anvil")
        program = tar.extractfile(member)
        if program is None:
            raise Permanent(f"{spec} holds no program at {member.name}", remedy="report it")
        with staging.open("wb") as out:
            shutil.copyfileobj(program, out)
    staging.chmod(0o755)
    advance(size)
