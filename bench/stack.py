"""The whole local stack as a process, `headwater up`, and what it says of itself."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

HEADWATER: Final = str(Path(sys.executable).parent / "headwater")


class Stack:
    """A stack that runs: its folder, and the endpoints of its services."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._folder = folder
        self._process = process
        path = folder / "endpoints.json"
        while not path.exists():
            self.check()
            time.sleep(0.2)
        content = json.loads(path.read_text())
        self.endpoints: Mapping[str, str] = content
        self.metrics: Mapping[str, str] = content["metrics"]
        """Role → URL of its metrics."""

    def check(self) -> None:
        """Raises RuntimeError with the end of its log when it has stopped."""
        if self._process.poll() is not None:
            raise RuntimeError("headwater up stopped: " + (self._folder / "up.log").read_text()[-3_000:])

    def ask(self, query: str) -> str:
        """ClickHouse's answer. Raises OSError while there is none."""
        login = f"{self.endpoints['clickhouse_user']}:{self.endpoints['clickhouse_password']}"
        request = urllib.request.Request(
            f"{self.endpoints['clickhouse']}/?query={urllib.parse.quote(query)}",
            headers={"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode().strip())

    def covered(self) -> int:
        """The highest block that coverage has, 0 while there is none."""
        try:
            return int(self.ask("SELECT max(block_number) FROM headwater.coverage") or 0)
        except OSError:
            return 0  # ClickHouse or its tables are not there yet.

    def totals(self, role: str) -> Mapping[str, float]:
        """Of each metric of a role the sum over its labels. Raises OSError while there are none."""
        with urllib.request.urlopen(self.metrics[role], timeout=10) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found


@contextmanager
def stack(rpc: str, start: int, *words: str) -> Iterator[Stack]:
    """`headwater up` on a node, from a block on; it is stopped at the end."""
    with tempfile.TemporaryDirectory() as name:
        command = [
            HEADWATER,
            "up",
            "--data-dir",
            name,
            "--rpc",
            rpc,
            "--start",
            str(start),
            "--plain",
            *words,
        ]
        own = {each: value for each, value in os.environ.items() if not each.startswith("HEADWATER_CHAIN")}
        with open(Path(name) / "up.log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=own)
        try:
            yield Stack(Path(name), process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
