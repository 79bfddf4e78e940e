"""`headwater` commands as a user runs them: all they know is in their environment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.integration.line import HEADWATER

END_SECONDS = 15


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end, and have it end."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class CommandProcess:
    """One command; what it writes, on either stream, goes to a file."""

    def __init__(self, variables: Mapping[str, str], log: Path, words: tuple[str, ...]) -> None:
        self._log = log
        env = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        with open(log, "wb") as sink:
            self._process = subprocess.Popen(
                [HEADWATER, *words], env={**env, **variables}, stdout=sink, stderr=sink
            )

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self._process.poll() is None

    def logged(self) -> str:
        """Everything that it has written."""
        return self._log.read_text(errors="replace")

    def exit_code(self, seconds: float) -> int:
        """Wait for its end."""
        return self._process.wait(seconds)

    def terminate(self) -> None:
        """Ask it to drain and end."""
        self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Whatever happened, leave nothing running: children too, which end when they are asked to."""
        self.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
