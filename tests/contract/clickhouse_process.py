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

from sandbox.chdb.logins import WRITER, kept

STOP_SECONDS = 20.0


class ClickHouseProcess:
    """`python -m sandbox.chdb` on a directory and a free port. A context that leaves no process behind."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._logins_file = directory.with_name(f"{directory.name}-logins.json")
        # Before there is a process: nothing would end it if this failed.
        self.logins = kept(self._logins_file)
        self.process = self._start()

    @property
    def settings(self) -> dict[str, str]:
        """The section `clickhouse` of settings that reach it, as the user who may do anything."""
        return {"url": self.url, "username": WRITER, "password": self.logins.writer}

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
            "--logins",
            str(self._logins_file),
        ]
        process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                    self.port = int(found[1])
                    self.url = f"http://127.0.0.1:{self.port}"
                    return process
            raise AssertionError(f"the server ended with {process.wait(STOP_SECONDS)} before it listened")
        except BaseException:
            _end(process)
            raise

    def client(self, **options: object) -> Client:
        login = {"username": WRITER, "password": self.logins.writer} | options
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, autogenerate_session_id=False, **login
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code. Raises TimeoutExpired after a kill."""
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            _end(self.process)

    def restart(self) -> None:
        """Start again on the same directory, after `stop`."""
        self.process = self._start()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
