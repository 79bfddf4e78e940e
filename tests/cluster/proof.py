"""What must hold after each step, seen from outside the cluster: blocks arrive, none is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from typing import Final

from headwater.errors import Fatal
from tests.builders.clickhouse import question
from tests.cluster.processes import Processes
from tests.cluster.services import FIRST, Services

# A node that serves a block a second, and a line that shares two cores with a whole cluster.
ARRIVAL_SECONDS: Final = 180.0
CHECK_SECONDS: Final = 240
HIGHEST: Final = "SELECT toInt64(max(block_number)) FROM canonical.blocks"
CHECKS: Final = (("verify",), ("check-stream", "--all"))


class Proof:
    """Asks the services, as a person would from outside."""

    def __init__(self, services: Services, processes: Processes) -> None:
        self._services, self._processes = services, processes
        self._variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")},
            **services.variables,
        }

    def holds(self) -> str:
        """Wait for the block that is the head now, then check; what was seen, in a few words.

        Raises Fatal with the findings, or naming what does not arrive.
        """
        head = self._services.head()
        self._processes.until(
            lambda: self.visible() >= head, f"block {head} is visible", ARRIVAL_SECONDS, self._shown
        )
        running = {words: self._command(*words) for words in CHECKS}
        for words, process in running.items():
            try:
                output, _ = process.communicate(timeout=CHECK_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise Fatal(f"headwater {' '.join(words)} was not done in {CHECK_SECONDS} s") from error
            if process.returncode != 0:
                raise Fatal(f"headwater {' '.join(words)} leaves with {process.returncode}:\n{output}")
        return f"{head - FIRST + 1} blocks, clean"

    def visible(self) -> int:
        """The highest block that ClickHouse shows; -1 while there is none, or no answer."""
        try:
            with urllib.request.urlopen(question(self._services.login, HIGHEST), timeout=30) as answer:
                return int(answer.read())
        except OSError:  # no table yet, or ClickHouse is away: both are HTTP errors or no answer
            return -1

    def _shown(self) -> str:
        return f"(shown: {self.visible()}, head: {self._services.head()})"

    def _command(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "headwater", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._variables,
        )
