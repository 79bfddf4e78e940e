"""Kafka, registry and ClickHouse for a benchmark that needs no more of the local stack."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.settings import Settings, load_settings
from sandbox.chdb.logins import WRITER
from sandbox.downloads import LineProgress
from sandbox.services.ports import Ports
from sandbox.stack.services import Stack, fetch_programs
from sandbox.supervisor.supervisor import Supervisor

START_SECONDS = 120.0


@contextmanager
def services() -> Iterator[Settings]:
    """Settings of a running stack in a directory of its own, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        ports = Ports()
        stack = Stack(Path(folder), fetch_programs(LineProgress(), chain=False), ports)
        supervisor = Supervisor(stack.parts())
        try:
            deadline = time.monotonic() + START_SECONDS
            while not all(supervisor.is_ready(part.name) for part in stack.parts()):
                supervisor.tick()
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the local stack does not start: {supervisor.status()}")
                time.sleep(0.05)
            yield load_settings(
                {
                    "data_dir": folder,
                    "chain": {"name": "ethereum", "chain_id": 1},
                    "kafka": {"bootstrap_servers": stack.kafka_address},
                    "registry": {"url": stack.registry_url},
                    "clickhouse": {
                        "url": stack.clickhouse_url,
                        "username": WRITER,
                        "password": stack.clickhouse_logins.writer,
                    },
                },
                environ={},
            )
        finally:
            supervisor.stop(15.0, lambda: time.sleep(0.05))
            ports.release()
