"""The life of a data directory under `headwater up`: first start, visitors, stop, second start, SIGKILL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from connectors.evm.rpc.once import ask
from sandbox.downloads import cache_dir
from sandbox.stack.services import Programs
from topics.groups import NAMES

pytestmark = pytest.mark.timeout(240)
START_SECONDS = 120.0
STOP_SECONDS = 20.0
IDLE_BYTES = 2 << 30

# A shell that is set up for somebody's own services: their logins are not for the local stack.
ELSEWHERE = {
    "HEADWATER_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
    "HEADWATER_KAFKA__SASL_USERNAME": "somebody",
    "HEADWATER_REGISTRY__USERNAME": "somebody",
    "HEADWATER_CLICKHOUSE__USERNAME": "somebody",
    "HEADWATER_CLICKHOUSE__PASSWORD": "secret",
    "HEADWATER_CLICKHOUSE__CLUSTER": "theirs",
}


class Up:
    """A running `headwater up --plain` whose lines are read as they come."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headwater", "up", "--plain", "--data-dir", str(directory), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **ELSEWHERE, "HEADWATER_CACHE_DIR": str(cache_dir())},
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, text: str, seconds: float = START_SECONDS) -> str:
        """The first line that holds `text`."""
        return self.wait_for_match(re.escape(text), seconds)

    def wait_for_match(self, pattern: str, seconds: float = START_SECONDS) -> str:
        """The first line that a regular expression is found in."""

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._news:
            self._news.wait_for(lambda: found() or not self._reader.is_alive(), seconds)
            line = found()
        assert line is not None, f"no {pattern!r} in:\n" + "\n".join(self.lines)
        return line

    @property
    def parent(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    def family(self) -> list[psutil.Process]:
        return self.parent.children(recursive=True)

    def end(self, number: int) -> float:
        """Send a signal and wait; seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS + 10)
        self._reader.join(5)
        return time.monotonic() - began

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, programs: Programs) -> Path:
    """One data directory for all tests of this module, in their order."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture
def up(directory: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*options: str) -> Up:
        started.append(Up(directory, *options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def refused(directory: Path, *options: str) -> str:
    """Run a `headwater up` that must refuse to start; what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "up", "--plain", "--data-dir", str(directory), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those still alive after `seconds` at most."""
    return psutil.wait_procs(processes, timeout=seconds)[1]


def test_first_start_serves_on_loopback_beside_a_neighbour_and_drains_on_sigterm(
    up: Callable[..., Up], directory: Path
) -> None:
    run = up("--traffic", "3", "--seed", "7")
    run.wait_for("rows are visible in ClickHouse")
    family = run.family()
    endpoints = json.loads((directory / "endpoints.json").read_text())
    assert set(endpoints) >= {"kafka", "schema_registry", "clickhouse", "rpc", "metrics"}
    assert set(endpoints["metrics"]) == {"listen", *NAMES, "sink", "deliver"}
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert "runs in" in refused(directory)
    neighbour = Up(directory.parent / "neighbour", "--traffic", "0", "--for", "0")
    try:
        neighbour.wait_for("stopped;")
        neighbour.process.wait(5)
        assert neighbour.process.returncode == 0, "\n".join(neighbour.lines)
        assert all("died" not in line for line in [*neighbour.lines, *run.lines])
    finally:
        neighbour.close()
    status = subprocess.run(
        [sys.executable, "-m", "headwater", "status", "--json"],
        env={**os.environ, "HEADWATER_DATA_DIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    snapshot = json.loads(status.stdout)
    assert snapshot["visible"] is not None
    assert snapshot["rows"]["blocks"] > 0
    assert snapshot["transfers"]
    assert "INCLUDED" in {each["state"] for each in snapshot["states"]}
    assert {part["name"] for part in snapshot["parts"]} >= {"kafka", "registry", "clickhouse", "listen"}
    # The built-in rules watch the traffic, and what they find comes to the local receiver.
    assert "failed-transactions" in run.wait_for("rules in force: ")
    run.wait_for_match(
        r"; alerts \d+ provisional .*; deliveries [1-9]\d* delivered \d+ waiting 0 retrying 0 dead"
    )
    assert "204 local: INFO PROVISIONAL bird" in (directory / "logs" / "receiver.log").read_text()
    assert run.end(signal.SIGTERM) < STOP_SECONDS
    assert run.process.returncode == 0, "\n".join(run.lines)
    assert not any("had to be killed" in line for line in run.lines), "\n".join(run.lines)
    assert gone(family, 1.0) == []


def test_the_directory_is_not_for_another_chain(make_chain: Callable[..., str], directory: Path) -> None:
    output = refused(directory, "--rpc", make_chain())
    assert "another chain with the same id" in output
    assert "--data-dir" in output


def test_a_bad_rule_is_refused_before_anything_starts(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("id: bad\nmatch: block\nwhere: gas > 1\n")
    output = refused(directory, "--rules", str(tmp_path))
    assert "bad.yaml:3:8: undeclared reference to 'gas'" in output
    assert "mend the text" in output


def test_a_second_start_continues_and_a_killed_parent_leaves_no_orphan(
    up: Callable[..., Up], directory: Path, tmp_path: Path
) -> None:
    before = json.loads((directory / "meta.json").read_text())
    (tmp_path / "mine.yaml").write_text("{id: mine, match: block, channels: [ops]}")
    run = up("--traffic", "0", "--rules", str(tmp_path))
    run.wait_for("enrich is ready")
    # They take the place of those that the first start put in force.
    assert run.wait_for("rules in force: ").endswith("rules in force: mine")
    assert "nobody has applied channel ops" in run.wait_for("rule mine: ")
    assert json.loads((directory / "meta.json").read_text()) == before
    endpoints = json.loads((directory / "endpoints.json").read_text())
    first = ask(str(endpoints["rpc"]), "eth_getBlockByNumber", "0x0", False)
    assert isinstance(first, dict)
    assert first["hash"] == before["genesis"]
    family = run.family()
    assert len(family) >= 9
    # Shared pages counted once a process: the true figure is lower.
    assert sum(process.memory_info().rss for process in [*family, run.parent]) < IDLE_BYTES
    run.end(signal.SIGKILL)
    assert gone(family, 5.0) == []


def test_until_block_ends_by_itself_after_the_kill(up: Callable[..., Up], directory: Path) -> None:
    state = json.loads((directory / "chain" / "state.json").read_text())
    head = state["best_block_number"] + 5
    run = up("--traffic", "3", "--until-block", str(head))
    assert "failed-transactions, large-gold-transfer, mine" in run.wait_for("rules in force: ")
    run.wait_for(f"block {head} is visible in ClickHouse")
    run.process.wait(STOP_SECONDS + 5)
    assert run.process.returncode == 0, "\n".join(run.lines)
