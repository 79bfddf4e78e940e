"""One child process: its own session, its own bounded log, and never longer alive than its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from headwater.errors import Fatal
from headwater.redaction import redact

LAUNCH = Path(__file__).with_name("launch.py")
LOG_LIMIT = 32 << 20
LOG_KEPT = 4 << 20
UNSAID = (signal.SIGKILL, signal.SIGTERM)  # signals from outside: the last line is not about them


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `env` is added to this process's environment, less its `HEADWATER_*` variables when
    `own_settings` is set; output goes to the file `log`."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    own_settings: bool = False


class Child:
    """A running (or ended) child. Start it from the main thread: the kernel kills the child when the
    *thread* that started it ends."""

    def __init__(self, command: Command) -> None:
        """Start the command. Raises Fatal when its program is not there."""
        if threading.current_thread() is not threading.main_thread():
            raise Fatal(f"{command.name} must be started from the main thread", remedy="report it")
        self.command = command
        command.log.parent.mkdir(parents=True, exist_ok=True)
        bound_log(command.log)
        with command.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), "--", *command.argv],
                    stdin=subprocess.DEVNULL if sys.platform == "linux" else subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment(command, os.environ),
                    cwd=command.cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise Fatal(f"{command.name} cannot be started: {error}", remedy="see its log") from error
        self._pipe: IO[bytes] | None = self._process.stdin  # closing it would end the child

    @property
    def pid(self) -> int:
        """The child's process id, which is its process group's too."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to drain and end (SIGTERM)."""
        if self.exit_code() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and whatever it started, at once (SIGKILL to its group), and wait for it."""
        if self.exit_code() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
        self._process.wait()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ending(self) -> str:
        """How it ended, for people: exit code or signal, and the last thing it said."""
        code = self.exit_code()
        if code is None:
            return "running"
        if code < 0 and -code in UNSAID:
            return f"killed by {signal.Signals(-code).name}"
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        lines = last_lines(self.command.log, 1)
        return f"{how}: {redact(plain_words(lines[0]))}" if lines else how


def environment(command: Command, base: Mapping[str, str]) -> dict[str, str]:
    """What the child gets as its environment, from its parent's `base`."""
    kept = {
        name: value
        for name, value in base.items()
        if not (command.own_settings and name.startswith("HEADWATER_"))
    }
    return {**kept, **command.env}


def bound_log(path: Path, limit: int = LOG_LIMIT, kept: int = LOG_KEPT) -> None:
    """When the log is larger than `limit` bytes, move its last `kept` bytes to `<name>.1` and empty it.

    The writer appends (O_APPEND), so it goes on at the new end without being told.
    """
    if not path.exists() or path.stat().st_size <= limit:
        return
    with path.open("rb") as log:
        log.seek(-kept, os.SEEK_END)
        tail = log.read()
    path.with_name(path.name + ".1").write_bytes(tail)
    os.truncate(path, 0)


def plain_words(line: str) -> str:
    """A log line as a person would say it: of a JSON line its event and its error."""
    try:
        content = json.loads(line)
    except ValueError:
        return line
    if not isinstance(content, dict):
        return line
    words = [str(content[name]) for name in ("event", "error") if content.get(name)]
    return ": ".join(words) or line


def last_lines(path: Path, count: int, width: int = 300) -> list[str]:
    """The last `count` lines of a log that are not empty, each at most `width` characters."""
    if not path.exists():
        return []
    with path.open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - 65536))
        lines = log.read().decode("utf-8", "replace").splitlines()
    return [line.strip()[:width] for line in lines if line.strip()][-count:]
