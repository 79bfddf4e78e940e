"""A local ClickHouse server as a child process, for tests that need one of their own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import clickhouse_connect
from clickhouse_connect.driver.client import Client


class ClickHouseProcess:
    """`python -m sandbox.chdb` on a directory and a free port. A context that leaves no process behind."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def _start(self) -> subprocess.Popen[str]:
        argv = [
            sys.executable,
            "-m",
            "sandbox.chdb",
            "--path",
            str(self.directory),
            "--port",
            "0",
        ]
        process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                    self.port = int(found[1])
                    self.url = f"http://127.0.0.1:{self.port}"
                    return process
        except BaseException:
            process.kill()
            raise
        process.kill()
        raise AssertionError(f"the server ended with {process.wait()} before it listened")

    def client(self, **options: object) -> Client:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, autogenerate_session_id=False, **options
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(20)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code

    def restart(self) -> None:
        """Start again on the same directory, after `stop`."""
        self.process = self._start()
