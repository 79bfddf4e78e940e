"""Sink processes of one test over a made-up chain, and what they have stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from connectors.clickhouse.client import Client
from headwater.settings import Settings, environment
from tests.integration import waiting
from tests.integration.sink_chain import Block

SECONDS = 40.0
HEADWATER = str(Path(sys.executable).parent / "headwater")


class Sinks:
    """Sink processes of one test."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")
        } | environment(settings)
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *, arguments: Sequence[str] = (), **more: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"sink-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [HEADWATER, "sink", *arguments], env=self._environment | more, stderr=log, stdout=log
            )
        self.processes.append(process)
        return process

    @property
    def alive(self) -> list[subprocess.Popen[bytes]]:
        """Those that have not ended."""
        return [process for process in self.processes if process.poll() is None]

    def scale(self, size: int) -> None:
        """Start some, or end the oldest by SIGTERM, until so many are alive."""
        while len(self.alive) < size:
            self.start(HEADWATER_KAFKA__SESSION_TIMEOUT_MS="6000")
        for process in self.alive[:-size]:
            process.terminate()
            assert process.wait(SECONDS) == 0, self.log(self.processes.index(process))

    def log(self, number: int = -1) -> str:
        number = range(len(self.processes))[number]
        return (self._folder / f"sink-{number}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(10)


def until(sinks: Sinks, wanted: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    waiting.until(wanted, lambda: f"{what}\n{sinks.log()[-3000:]}", seconds)


def visible(client: Client, settings: Settings) -> set[tuple[int, str]]:
    """Blocks that coverage shows: number, hash."""
    rows = client.query(
        "SELECT block_number, lower(hex(block_hash)) FROM "
        f"{settings.clickhouse.database}.coverage FINAL WHERE complete AND NOT removed"
    ).result_rows
    return {(int(str(number)), str(block_hash)) for number, block_hash in rows}


def shown(*blocks: Block) -> set[tuple[int, str]]:
    return {(block.number, block.hash.hex()) for block in blocks}


def count(client: Client, settings: Settings, table: str, condition: str = "1") -> int:
    (row,) = client.query(
        f"SELECT count() FROM {settings.clickhouse.database}.{table} FINAL WHERE {condition}"
    ).result_rows
    return int(str(row[0]))


def rows_of(client: Client, settings: Settings, *blocks: Block) -> dict[str, int]:
    hashes = ", ".join(f"unhex('{block.hash.hex()}')" for block in blocks)
    return {
        stream: count(client, settings, stream.replace("-", "_"), f"block_hash IN ({hashes}) AND NOT removed")
        for stream in blocks[0].counts()
    }
