"""The running stack under its nodes, with hands on all of it; everything in it in time lapse."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from headwater.errors import Fatal
from sandbox.services.ports import FILE as PORTS
from tests.faults.disk import Disk
from tests.faults.nodes import Nodes
from tests.integration.line import Line

BLOCK_SECONDS: Final = 12.0
"""A block of Ethereum, before the time lapse."""
RULES: Final = Path(__file__).with_name("rules")
START_SECONDS: Final = 180.0
VACATED_SECONDS: Final = 10.0
AHEAD_SECONDS: Final = 60.0
"""How far ahead a block is that the settings of a new start name: longer than stopping and starting takes."""


def settings(factor: float) -> dict[str, str]:
    """The product's times that are longer than what alerts wait for, divided alike; the rest is as it is."""

    def seconds(usual: float, least: float) -> str:
        return f"{max(least, usual / factor):g}"

    return {
        "HEADWATER_CHAIN__POLL_SECONDS": "0.2",
        "HEADWATER_CHAIN__REQUEST_TIMEOUT_SECONDS": seconds(20, 2),
        "HEADWATER_CHAIN__STALE_HEAD_SECONDS": seconds(30, 1.5),
        "HEADWATER_DELIVERY__TIMEOUT_SECONDS": seconds(10, 1),
        "HEADWATER_DELIVERY__LONGEST_PAUSE_SECONDS": seconds(900, 5),
    }


class Site:
    """`start`, then whatever is to happen, then `end`."""

    def __init__(self, directory: Path, nodes: Nodes, factor: float) -> None:
        self.nodes = nodes
        self.disk = Disk(directory / "clickhouse")
        self._directory = directory
        self._factor = factor
        self.line = self._line({})

    def start(self) -> None:
        """Until blocks are visible, every role is ready and both observers run."""
        self.line.start(START_SECONDS)
        self.line.wait_ready(START_SECONDS)

    def end(self) -> None:
        """Leave nothing running."""
        self.line.end()

    def deploy(self, extra: Mapping[str, str]) -> None:
        """Start everything again, with further settings."""
        head = self.nodes.chain.tip.number + round(AHEAD_SECONDS * self._factor / BLOCK_SECONDS)
        self.line.stop()
        self.line = self._line({name: value.format(head=head) for name, value in extra.items()})
        self.start()

    def pid(self, part: str) -> int | None:
        """Of a part that runs; None while it does not."""
        found: psutil.Process | None = self.line.processes().get(part)
        return None if found is None else found.pid

    def signal(self, part: str, number: signal.Signals) -> None:
        """Send it to a part that must run. Raises Fatal where it does not."""
        if self.line.signal(part, number) is None:
            raise Fatal(f"{part} does not run", remedy=f"see {self._directory / 'logs'}")

    def vacated(self, part: str) -> int:
        """The port of a part that has just been killed, which its supervisor will start again in a moment."""
        process = self.line.processes().get(part)
        if process is not None:
            process.kill()
            process.wait(VACATED_SECONDS)
        return int(json.loads((self._directory / PORTS).read_text())[part])

    @property
    def alertmanager(self) -> str:
        """Its address."""
        return str(self.line.endpoints["alertmanager"])

    def _line(self, extra: Mapping[str, str]) -> Line:
        rpc = [word for url in self.nodes.urls for word in ("--rpc", url)]
        options = ("--observe", "--time-lapse", f"{self._factor:g}", "--rules", str(RULES))
        variables = {**settings(self._factor), **extra}
        return Line(self._directory, *options, *rpc, "--start", "earliest", variables=variables)
