"""The local stack of a test run, each service started when the first test asks for it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.services.ports import Ports
from sandbox.stack.services import Programs, Stack
from sandbox.supervisor.supervisor import Part, Phase, Supervisor

START_SECONDS = 90.0
STOP_SECONDS = 15.0


class LocalStack:
    """The session's services. Each `…()` starts its service when it does not run yet and waits for it."""

    def __init__(self, directory: Path, programs: Programs, ports: Ports) -> None:
        self.stack = Stack(directory, programs, ports)
        self._supervisor = Supervisor([self._on_demand(part) for part in self.stack.parts()])
        self._wanted: set[str] = set()

    @staticmethod
    def _on_demand(part: Part) -> Part:
        gate = "want-" + part.name.removesuffix("-format")
        return Part(part.name, part.command, part.ready, (*part.needs, gate), part.rank, part.finishes)

    def start(self, *names: str) -> None:
        """Start parts without waiting."""
        for name in names:
            self._wanted.add(name)
            self._supervisor.open(f"want-{name}")
        self._supervisor.tick()

    def wait(self, *names: str) -> None:
        """Start parts and wait until each is ready; fails with the part's own words."""
        self.start(*names)
        deadline = time.monotonic() + START_SECONDS
        while not all(self._supervisor.is_ready(name) for name in names):
            self._supervisor.tick()
            reasons = {s.name: s.reason for s in self._supervisor.status() if s.restarts >= 3}
            if reasons or time.monotonic() > deadline:
                phases = {s.name: s.phase.value for s in self._supervisor.status() if s.name in self._wanted}
                pytest.fail(f"the local stack does not start: {phases} {reasons}; logs in {self.stack.logs}")
            time.sleep(0.05)

    def pid(self, name: str) -> int:
        """The process of a part, for tests that kill or pause it."""
        pids = {status.name: status.pid for status in self._supervisor.status()}
        assert pids[name] is not None, f"{name} does not run"
        return pids[name] or 0

    def revive(self, name: str) -> None:
        """Notice that a part died and have it running again."""
        deadline = time.monotonic() + START_SECONDS
        seen_dead = False
        while time.monotonic() < deadline:
            self._supervisor.tick()
            (status,) = [s for s in self._supervisor.status() if s.name == name]
            seen_dead = seen_dead or status.phase is Phase.BACKOFF or status.restarts > 0
            if seen_dead and status.phase is Phase.READY:
                return
            time.sleep(0.05)
        pytest.fail(f"{name} did not come back")

    def stop(self) -> None:
        self._supervisor.stop(STOP_SECONDS, lambda: time.sleep(0.05))
