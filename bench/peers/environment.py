"""Environments of the peers: made once in the user's cache, from locked hashes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from platformdirs import user_cache_path

LOCKS = Path(__file__).parent


class CannotInstallError(Exception):
    """The peer cannot be had here; the text says why."""


def environment(peer: str, python: str) -> Path:
    """The `bin` folder of the peer's environment. `python` is a version such as 3.10.

    Raises CannotInstallError when no such Python is found or the install fails.
    """
    lock = LOCKS / f"{peer}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    home = user_cache_path("headwater") / "bench" / f"{peer}-{digest}"
    if (home / "complete").exists():
        return home / "bin"
    shutil.rmtree(home, ignore_errors=True)
    _run([interpreter(python), "-m", "venv", str(home)])
    pip = [
        str(home / "bin" / "pip"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--no-deps",
    ]
    _run([*pip, "-r", str(lock)])
    (home / "complete").touch()
    return home / "bin"


def interpreter(version: str) -> str:
    """`pythonX.Y` on the PATH that runs, or the newest one of a pyenv. Raises CannotInstallError."""
    candidates = [shutil.which(f"python{version}")]
    versions = Path.home() / ".pyenv" / "versions"
    candidates += [
        str(path) for path in sorted(versions.glob(f"{version}.*/bin/python{version}"), reverse=True)
    ]
    for candidate in candidates:
        if (
            candidate
            and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return candidate
    raise CannotInstallError(f"no Python {version} on the PATH or in a pyenv")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise CannotInstallError(f"{' '.join(command[:3])} failed: {' '.join(last)}")
