"""Ports that a data directory keeps from run to run, so that clients' addresses stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sandbox.stack import endpoints
from sandbox.stack.ports import Ports


class RememberedPorts(Ports):
    """Ports that a directory keeps from run to run while they are free."""

    def __init__(self, directory: Path, wanted: Mapping[str, int]) -> None:
        super().__init__(wanted, endpoints.previous_ports(directory))
        self._directory_path = directory
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> int:
        port = super().take(name)
        self._taken[name] = port
        endpoints.write_ports(self._directory_path, self._taken)
        return port
