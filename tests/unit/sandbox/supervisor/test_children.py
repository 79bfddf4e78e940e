"""Real children: they end with their parent, take signals, and say how they ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from headwater.errors import Fatal
from sandbox.supervisor.process import Child, Command

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
GUARD = f"from sandbox.supervisor.launch import guard; guard([{sys.executable!r}, '-c', {SLEEPER!r}])"
SECONDS = 10


def guarded() -> subprocess.Popen[bytes]:
    """What stands between parent and child where the kernel has no death signal, with its child up."""
    process = subprocess.Popen([sys.executable, "-c", GUARD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if (first := process.stdout.readline()) != b"up\n":
        process.kill()
        process.wait()
        raise AssertionError(first)
    return process


def test_the_guard_kills_its_child_when_the_parents_pipe_closes() -> None:
    with guarded() as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(SECONDS) == 128 + signal.SIGKILL
        assert process.stdout is not None
        assert process.stdout.read() == b"", "the pipe is closed: nobody holds it any more"


def test_the_guard_passes_sigterm_on() -> None:
    with guarded() as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM


def test_a_child_ends_when_asked_and_says_how(tmp_path: Path) -> None:
    failing = Child(
        Command("x", (sys.executable, "-c", "import sys; sys.exit('no topic; apply')"), tmp_path / "a")
    )
    assert failing.wait(SECONDS)
    assert failing.ending() == "exit code 1: no topic; apply"
    sleeping = Child(Command("y", (sys.executable, "-c", SLEEPER), tmp_path / "b"))
    assert sleeping.ending() == "running"
    assert not sleeping.wait(0.01)
    sleeping.terminate()
    assert sleeping.wait(SECONDS)
    assert sleeping.ending() == "killed by SIGTERM"


def test_a_child_is_started_from_the_main_thread_only(tmp_path: Path) -> None:
    raised: list[Fatal] = []

    def start() -> None:
        try:
            Child(Command("x", (sys.executable, "-c", SLEEPER), tmp_path / "a"))
        except Fatal as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(SECONDS)
    assert [str(error) for error in raised] == ["x must be started from the main thread; report it"]


def test_a_killed_parent_takes_its_child_along(tmp_path: Path) -> None:
    parent = f"""
import sys
from pathlib import Path
from sandbox.supervisor.process import Child, Command
child = Child(Command("x", ({sys.executable!r}, "-c", {SLEEPER!r}), Path({str(tmp_path / "log")!r})))
print(child.pid, flush=True)
child.wait(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
        process.wait(SECONDS)
    assert _gone(pid)


def _gone(pid: int) -> bool:
    try:
        return bool(psutil.wait_procs([psutil.Process(pid)], timeout=SECONDS)[0])
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("program", ["/nonexistent/program"])
def test_a_program_that_is_not_there_ends_at_once_with_a_reason(tmp_path: Path, program: str) -> None:
    child = Child(Command("x", (program,), tmp_path / "log"))
    assert child.wait(SECONDS)
    assert "No such file or directory" in child.ending()
