"""The server that tests start leaves no process behind, whatever fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import Fatal
from tests.contract import clickhouse_process
from tests.contract.clickhouse_process import ClickHouseProcess

LISTENING = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({started!r}).touch()
print("listening at http://127.0.0.1:1", file=sys.stderr, flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that shows that a server was started: one that listens at once and does not end when asked."""
    started = tmp_path / "started"
    server = tmp_path / "server"
    server.write_text(f"#!{sys.executable}{LISTENING.format(started=str(started))}")
    server.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(server))
    return started


def test_without_logins_no_server_is_started(tmp_path: Path, started: Path) -> None:
    (tmp_path / "data-logins.json").write_text("not logins")
    with pytest.raises(Fatal, match="cannot read the logins"):
        ClickHouseProcess(tmp_path / "data")
    assert not started.exists()


def test_one_that_does_not_end_when_asked_is_killed(
    tmp_path: Path, started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_process, "STOP_SECONDS", 0.0)
    server = ClickHouseProcess(tmp_path / "data")
    with pytest.raises(subprocess.TimeoutExpired), server:
        assert started.exists()
    assert server.process.poll() is not None
