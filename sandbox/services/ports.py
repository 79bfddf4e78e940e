"""Free loopback ports, reserved against other Headwater instances of this user.

Ports are taken below the range from which the kernel serves outgoing connections: a part that dies must
find its port free when it starts again.
"""

from __future__ import annotations

import json
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from headwater.errors import Fatal

FILE = "ports.json"
FIRST, LAST = 18000, 30000
ATTEMPTS = 500


class Ports:
    """Hands out ports by name; `wanted` ones exactly, `previous` ones when they are still free."""

    def __init__(self, wanted: Mapping[str, int] | None = None, previous: Mapping[str, int] | None = None):
        self._wanted = dict(wanted or {})
        self._previous = dict(previous or {})
        self._held: list[FileLock] = []
        self._directory = Path(tempfile.gettempdir()) / f"headwater-ports-{os.getuid()}"
        self._directory.mkdir(mode=0o700, exist_ok=True)

    def take(self, name: str) -> int:
        """A port that is free now and reserved until `release` or the end of this process.

        Raises Fatal when the port that was asked for is not free.
        """
        wanted = self._wanted.get(name, 0)
        if wanted:
            if not self._reserve(wanted):
                raise Fatal(
                    f"port {wanted} for {name} is in use",
                    remedy=f"stop what listens there, or leave the option out to have a free port for {name}",
                )
            return wanted
        previous = self._previous.get(name, 0)
        if previous and self._reserve(previous):
            return previous
        for _ in range(ATTEMPTS):
            port = random.randrange(FIRST, LAST)
            if self._reserve(port):
                return port
        raise Fatal(f"no free port between {FIRST} and {LAST} for {name}", remedy="close some listeners")

    def release(self) -> None:
        """Give all reservations back."""
        for lock in self._held:
            lock.release()
        self._held.clear()

    def _reserve(self, port: int) -> bool:
        lock = FileLock(self._directory / f"{port}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        if not _is_free(port):
            lock.release()
            return False
        self._held.append(lock)
        return True


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class RememberedPorts(Ports):
    """Ports that a data directory keeps from run to run while they are free, so that addresses stay."""

    def __init__(self, directory: Path, wanted: Mapping[str, int]) -> None:
        super().__init__(wanted, _previous(directory))
        self._file = directory / FILE
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> int:
        port = super().take(name)
        self._taken[name] = port
        self._file.write_text(json.dumps(self._taken, indent=2) + "\n", encoding="utf-8")
        return port


def _previous(directory: Path) -> dict[str, int]:
    """The ports of the last run by part; empty when there was none."""
    try:
        found = json.loads((directory / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    ports = found.items() if isinstance(found, dict) else ()
    return {name: port for name, port in ports if isinstance(port, int) and 0 < port < 1 << 16}
