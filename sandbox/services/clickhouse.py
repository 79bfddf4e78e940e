"""The ClickHouse engine (chDB) behind an HTTP server, as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.services.probes import http_get
from sandbox.supervisor.process import Command


def command(directory: Path, port: int, logins: Path, log: Path) -> Command:
    """How to run it; its data stays in `directory`, its passwords in the file `logins`."""
    directory.mkdir(parents=True, exist_ok=True)
    return Command(
        name="clickhouse",
        argv=(
            sys.executable,
            "-m",
            "sandbox.chdb",
            "--path",
            str(directory),
            "--port",
            str(port),
            "--logins",
            str(logins),
        ),
        log=log,
    )


def is_ready(port: int) -> bool:
    """Does it answer its ping?"""
    status, body = http_get(port, "/ping")
    return status == 200 and body.startswith(b"Ok")
