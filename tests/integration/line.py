"""`headwater up` as a user runs it, with hands on its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import psutil

from headwater.settings import Settings, load_settings
from sandbox.stack.endpoints import settings as settings_of_a_stack
from sandbox.stack.roles import ROLES as STARTED
from tests.builders.clickhouse import question
from tests.integration.waiting import looks

HEADWATER = str(Path(sys.executable).parent / "headwater")
# What tells a process apart: how words of its command line end.
MARKS: Mapping[str, tuple[str, ...]] = {
    **{role.name: role.arguments for role in STARTED},
    "kafka": ("kafka.Kafka",),
    "registry": ("-runner.jar",),
    "clickhouse": ("sandbox.chdb",),
    "receiver": ("sandbox.receiver",),
    "traffic": ("sandbox.traffic",),
}
ROLES = tuple(role.name for role in STARTED)


class Line:
    """One instance in one directory. `start` returns when its first block is visible.

    `variables`: settings of its own, beside those that a test's environment has.
    """

    def __init__(self, directory: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self._arguments = arguments
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 120) -> Line:
        self.launch()
        self.wait_until(lambda: self.visible() is not None, "the first block is visible", seconds)
        return self

    def launch(self) -> None:
        """Start it without waiting for anything."""
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [HEADWATER, "up", "--data-dir", str(self.directory), "--plain", *self._arguments]
        with open(self.directory / "up.log", "ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment() | self._variables,
                start_new_session=True,
            )

    def note(self, text: str) -> None:
        """Write what a test does beside what `up` says of it: a failure shows both."""
        with open(self.directory / "up.log", "a") as log:
            log.write(f"--- {text}\n")

    def stop(self) -> int:
        """SIGTERM; the exit code. Fails when it takes more than 20 s."""
        assert self._process is not None
        # One that stands still since `freeze` could not be asked to end and would be waited for.
        self.signal("traffic", signal.SIGCONT)
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(20)

    def exit_code(self, seconds: float) -> int:
        """What it leaves with by itself within so many seconds."""
        assert self._process is not None
        return self._process.wait(seconds)

    @property
    def pid(self) -> int:
        """The process of `up` itself."""
        assert self._process is not None
        return self._process.pid

    def end(self) -> None:
        """Whatever happened, leave nothing running."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        """The end of what `up` printed."""
        return (self.directory / "up.log").read_text(errors="replace")[-4000:]

    @property
    def endpoints(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.directory / "endpoints.json").read_text())
        return content

    @property
    def settings(self) -> Settings:
        return load_settings({"data_dir": str(self.directory)}, environ={}, local=settings_of_a_stack)

    def processes(self) -> dict[str, psutil.Process]:
        """The living processes of this instance by part."""
        assert self._process is not None
        found: dict[str, psutil.Process] = {}
        for process in psutil.Process(self._process.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            for name, marks in MARKS.items():
                if words and all(any(word.endswith(mark) for word in words) for mark in marks):
                    found[name] = process
        return found

    def signal(self, part: str, number: signal.Signals) -> int | None:
        """Send a signal to a part; its pid, None when it is not running just now."""
        process = self.processes().get(part)
        if process is None:
            return None
        process.send_signal(number)
        return process.pid

    def replacement(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        """A second process of a role beside the one of `up`; `variables` are over its own."""
        own = {"HEADWATER_DATA_DIR": str(self.directory), **variables}
        environ = _environment() | self._variables | own
        with open(self.directory / "replacement.log", "ab") as log:
            return subprocess.Popen([HEADWATER, *words], stdout=log, stderr=log, env=environ)

    def rpc(self, method: str, *params: object) -> Any:
        return rpc(str(self.endpoints["rpc"]), method, *params)

    def sql(self, query: str) -> list[Any]:
        """Rows as lists. Raises urllib's errors while ClickHouse or the tables are not there."""
        request = question(self.endpoints, query + " FORMAT JSONCompactEachRow")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [orjson.loads(line) for line in answer.read().splitlines()]

    def visible(self) -> tuple[int, str] | None:
        """Height and hash of the highest canonical block in ClickHouse, None when there is none yet."""
        try:
            rows = self.sql(
                "SELECT block_number, block_hash FROM canonical.blocks ORDER BY block_number DESC LIMIT 1"
            )
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            if "UNKNOWN_TABLE" in text or "UNKNOWN_DATABASE" in text:
                return None  # the migrations have not run yet
            raise AssertionError(text) from error
        except OSError:
            return None  # ClickHouse is not there just now
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def alerts(self, status: str, rule: str) -> int:
        """How many alerts of a rule have a status in ClickHouse."""
        query = f"SELECT count() FROM canonical.alerts WHERE status = '{status}' AND rule_id = '{rule}'"
        return int(self.sql(query)[0][0])

    def readiness(self, role: str) -> tuple[bool, str]:
        """Whether a role says that it is ready; what it waits for, or why it cannot be asked."""
        try:
            with urllib.request.urlopen(self._address(role, "readyz"), timeout=5):
                return True, ""
        except urllib.error.HTTPError as error:
            checks = orjson.loads(error.read())
            failing = (f"{name}: {each['detail']}" for name, each in checks.items() if not each["ok"])
            return False, "; ".join(failing) or "it has not said anything yet"
        except (OSError, ValueError) as error:  # no answer, no file yet
            return False, f"it does not answer: {error}"

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until every role says that it is ready."""
        self.wait_until(lambda: not self._unready(), "every role is ready", seconds)

    def role_log(self, role: str) -> str:
        """All that is kept of what a role logged."""
        path = self.directory / "logs" / f"{role}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _address(self, role: str, path: str) -> str:
        return str(self.endpoints["metrics"][role]).removesuffix("metrics") + path

    def _unready(self) -> dict[str, str]:
        told = {role: self.readiness(role) for role in ROLES}
        return {role: detail for role, (ready, detail) in told.items() if not ready}

    def _unready_logs(self) -> str:
        """Of each role that is not ready what it says and the end of its log."""
        return "".join(
            f"\n{role} is not ready: {detail}\n{self.role_log(role)[-3000:]}"
            for role, detail in self._unready().items()
        )

    def freeze(self) -> tuple[int, str]:
        """Stop traffic and mining; the chain's head from now on."""
        self.signal("traffic", signal.SIGSTOP)
        self.rpc("evm_setIntervalMining", 0)
        # A block that was being mined may still come: the head counts once two looks agree.
        heads: list[tuple[int, str]] = []
        while len(heads) < 3 or len(set(heads[-3:])) > 1:
            pause(0.3)
            head = self.rpc("eth_getBlockByNumber", "latest", False)
            heads.append((int(head["number"], 16), head["hash"]))
        return heads[-1]

    def close_windows(self) -> tuple[int, str]:
        """Mine one block two hours ahead, behind every window that is open, while all else stands still."""
        self.rpc("evm_increaseTime", 7_200)
        self.rpc("evm_mine")
        return self.freeze()

    def reorg(self, depth: int) -> None:
        """Fork the local chain `depth` blocks deep, or as deep as it is; the orphans' transactions are lost.

        Mining and traffic stand still meanwhile: a block mined during a reorg may break anvil's chain.
        """
        head, _ = self.freeze()
        self.rpc("anvil_reorg", min(depth, head - 1), [])
        self.rpc("evm_setIntervalMining", 1)
        self.signal("traffic", signal.SIGCONT)

    def wait_settled(self, head: tuple[int, str], seconds: float = 180) -> None:
        """Wait until the chain's head is what ClickHouse shows."""
        self.wait_until(lambda: self.visible() == head, f"ClickHouse shows {head}", seconds)

    def wait_until(self, fact: Callable[[], bool], name: str, seconds: float) -> None:
        for _ in looks(seconds):
            if fact():
                return
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"headwater up left with {self._process.returncode}:\n{self.log}")
        raise AssertionError(
            f"not true after {seconds:.0f} s: {name} (now {self.visible()})\n{self.log}{self._unready_logs()}"
        )

    def command(
        self, *words: str, folder: Path | None = None, seconds: float = 120, program: str = "headwater"
    ) -> subprocess.CompletedProcess[str]:
        """Run a command against this instance, told by a variable or by the folder."""
        environ = _environment() | ({} if folder else {"HEADWATER_DATA_DIR": str(self.directory)})
        return subprocess.run(
            [HEADWATER if program == "headwater" else program, *words],
            capture_output=True,
            text=True,
            env=environ,
            timeout=seconds,
            cwd=folder,
            check=False,
        )


def rpc(url: str, method: str, *params: object) -> Any:
    """One JSON-RPC call; fails on an error answer."""
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = orjson.loads(answer.read())
    assert "error" not in content, f"{method}{params}: {content['error']}"
    return content["result"]


def pause(seconds: float) -> None:
    """Let real time pass: between two looks at a fact, or between two blows of a chaos run."""
    threading.Event().wait(seconds)


def _environment() -> dict[str, str]:
    keep = ("HEADWATER_CACHE_DIR", "HEADWATER_JAVA_HOME")
    return {
        name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_") or name in keep
    }
