"""The local stack's ClickHouse alone, for benchmarks of what it is asked."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headwater.settings import Settings, load_settings
from sandbox.chdb.logins import WRITER, kept


@contextmanager
def server(folder: Path | None = None) -> Iterator[Mapping[str, str]]:
    """How to reach a server of its own, in `folder` or in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory() as own:
        path = folder or Path(own)
        logins = path / "logins.json"
        argv = [sys.executable, "-m", "sandbox.chdb", "--path", f"{path}/data", "--port", "0"]
        process = subprocess.Popen([*argv, "--logins", str(logins)], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield {"url": found[0], "username": WRITER, "password": kept(logins).writer}
                    break
            else:
                raise RuntimeError(f"ClickHouse ended with {process.wait()} before it listened")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            process.stderr.close()


def settings_of(server: Mapping[str, str], database: str) -> Settings:
    """Settings of a database of its own there."""
    section = {**server, "database": database}
    return load_settings({"clickhouse": section, "chain": {"name": "ethereum"}}, environ={})
