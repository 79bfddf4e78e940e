"""A small disk below ClickHouse's directory, in a mount namespace of this run's own."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SIZE: Final = "768m"
# Where users get no namespaces root may have one, and the other way round.
_WAYS: Final = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))
_PIECE: Final = 1 << 20


def entered(place: Path, command: Sequence[str]) -> list[str] | None:
    """A command that runs `command` with a small disk at `place`; None where this machine gives none."""
    mount = f"mount -t tmpfs -o size={SIZE} tmpfs"
    if shutil.which("unshare") is None:
        return None
    for way in _WAYS:
        trial = [*way, "sh", "-c", f'{mount} "$0"', str(place)]
        tried = subprocess.run(trial, capture_output=True, check=False)
        if tried.returncode == 0:
            return [*way, "sh", "-c", f'{mount} "$0" && exec "$@"', str(place), *command]
    return None


class Disk:
    """One that can be filled up."""

    def __init__(self, place: Path) -> None:
        self._filler = place / "filler"

    def fill(self) -> None:
        """Leave no byte."""
        piece = bytes(_PIECE)
        with open(self._filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(piece)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def empty(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)
