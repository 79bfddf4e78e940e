"""Roles whose services are all away wait, say for what, and leave at once when they are told to."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.command_process import CommandProcess
from tests.integration.line import pause

# Nothing listens there: the port for discarding what is sent (RFC 863).
CLOSED = "127.0.0.1:9"
ROLES = (("listen",), ("work", "enrich"), ("work", "state"), ("deliver",), ("sink",))
SECONDS = 60
LEAVE_SECONDS = 15


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[dict[tuple[str, ...], CommandProcess]]:
    started = {}
    for words in ROLES:
        name = "-".join(words)
        variables = {
            "HEADWATER_DATA_DIR": str(tmp_path / "data"),
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": CLOSED,
            "HEADWATER_REGISTRY__URL": f"http://{CLOSED}",
            "HEADWATER_CLICKHOUSE__URL": f"http://{CLOSED}",
            "HEADWATER_CHAIN__RPC": f"http://{CLOSED}",
            "HEADWATER_METRICS_PORT_FILE": str(tmp_path / f"{name}.port"),
        }
        started[words] = CommandProcess(variables, tmp_path / f"{name}.log", words)
    yield started
    for process in started.values():
        process.end()


def state(port_file: Path) -> str:
    """What a role that is not ready says of itself; "" before it says anything."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port_file.read_text()}/readyz", timeout=5) as answer:
            return f"ready: {answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def test_every_role_waits_and_says_for_what(
    processes: dict[tuple[str, ...], CommandProcess], tmp_path: Path
) -> None:
    deadline = time.monotonic() + SECONDS
    for words, process in processes.items():
        port_file = tmp_path / f"{'-'.join(words)}.port"
        while CLOSED not in state(port_file):
            assert process.alive, (words, process.logged())
            assert time.monotonic() < deadline, (words, state(port_file), process.logged())
            pause(0.1)
    for words, process in processes.items():
        assert process.alive, (words, process.logged())
        process.terminate()
    for words, process in processes.items():
        assert process.exit_code(LEAVE_SECONDS) == 0, (words, process.logged())
        assert "Traceback" not in process.logged()
