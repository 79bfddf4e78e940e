"""One process that ends is the end of a run, with its last words; facts are not waited for without end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.errors import Fatal
from sandbox.supervisor.process import Child, Command
from tests.cluster.processes import Processes

SPEAKS = "import sys; print('the port is taken'); sys.exit(3)"
STAYS = "import sys; sys.stdin.read(); import threading; threading.Event().wait(60)"


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


@pytest.fixture
def living(processes: Processes) -> Iterator[Child]:
    child = processes.start("etcd", sys.executable, "-c", STAYS)
    yield child
    child.kill()


def test_a_process_that_ends_is_named_with_its_last_words(processes: Processes) -> None:
    processes.start("kubelet", sys.executable, "-c", SPEAKS)
    with pytest.raises(Fatal, match=r"kubelet ended, exit code 3: .*the port is taken"):
        processes.until(lambda: False, "the node is ready", 60)


@pytest.mark.usefixtures("living")
def test_what_is_not_true_in_time_is_said(processes: Processes) -> None:
    with pytest.raises(Fatal, match=r"not true after 0 s: the node is ready \(NotReady\)"):
        processes.until(lambda: False, "the node is ready", 0, lambda: "(NotReady)")


@pytest.mark.usefixtures("living")
def test_a_fact_ends_the_wait(processes: Processes) -> None:
    looks = iter([False, False, True])
    processes.until(lambda: next(looks), "the third look", 60)
    assert list(looks) == []


def test_a_command_that_fails_is_named_with_its_last_words(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"import failed: .*the port is taken"):
        processes.finish(Command("import", (sys.executable, "-c", SPEAKS), tmp_path / "import.log"))
    processes.finish(Command("import", (sys.executable, "-c", ""), tmp_path / "import.log"))
