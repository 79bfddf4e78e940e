"""What runs in the enclosure beside the pods, and waiting for facts while all of it must live."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.errors import Fatal
from sandbox.supervisor.process import Child, Command, last_lines

LOOK_SECONDS = 0.1
START_SECONDS = 120.0


class Processes:
    """Children, each with a log. One that ends is the end of the run."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._children: dict[str, Child] = {}

    def start(
        self, name: str, *argv: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Child:
        """Start a program; what it says goes to its log."""
        return self.run(Command(name, argv, self.logs / f"{name}.log", environment or {}, cwd))

    def run(self, command: Command) -> Child:
        """Start a command."""
        child = self._children[command.name] = Child(command)
        return child

    def finish(self, command: Command) -> None:
        """Run a command to its end. Raises Fatal with its last words unless it succeeds."""
        child = Child(command)
        ended = child.wait(START_SECONDS)
        child.kill()
        if not ended or child.exit_code() != 0:
            raise Fatal(f"{command.name} failed: {' | '.join(last_lines(command.log, 3))}")

    def check(self) -> None:
        """Raise Fatal, with its last words, when one has ended."""
        for name, child in self._children.items():
            if child.exit_code() is not None:
                raise Fatal(f"{name} ended, {child.ending()}: {' | '.join(last_lines(child.command.log, 5))}")

    def until(
        self,
        fact: Callable[[], bool],
        what: str,
        seconds: float = START_SECONDS,
        state: Callable[[], str] = lambda: "",
    ) -> None:
        """Wait for a fact. Raises Fatal, with what `state` says, when it is not there in time."""
        deadline = time.monotonic() + seconds
        while not fact():
            self.check()
            if time.monotonic() > deadline:
                raise Fatal(f"not true after {seconds:g} s: {what} {state()}".rstrip(), remedy="see the logs")
            threading.Event().wait(LOOK_SECONDS)
