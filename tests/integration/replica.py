"""A second process of a role, beside the one of `headwater up`, that is killed and started again."""

from __future__ import annotations

import subprocess
from types import TracebackType

from tests.integration.line import Line

STOP_SECONDS = 30


class Replica:
    """`with Replica(line, "sink") as second: … second.kill_and_start() … assert second.stop() == 0`."""

    def __init__(self, line: Line, *words: str) -> None:
        self._line = line
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Replica:
        self._process = self._line.replacement(*self._words)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill_and_start(self) -> None:
        """SIGKILL, and a new process at once, as an orchestrator does; also where it had ended by itself."""
        self.kill()
        self._process = self._line.replacement(*self._words)

    def stop(self) -> int:
        """SIGTERM; the exit code. Fails when it does not end."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL; nothing where it is dead already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
