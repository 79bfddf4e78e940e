"""Liveness and readiness of a role: loops that go on and named checks, served beside the metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from headwater.heartbeat import Heartbeats
from headwater.redaction import redact

LONGEST_SILENCE_SECONDS: Final = 140.0
"""Of a loop, with settings as they are by default: `headwater.silences` says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """The last word of one part: `ok`, and what it says when it is not."""

    ok: bool
    detail: str


class Health:
    """What the parts of this process last said of themselves. Safe to use from any thread.

    `ready` needs every named check to be ok; `alive` fails when a part called `fail`, and while a loop of
    `beats` hangs: what an orchestrator should restart the process for. `clock` in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.beats = Heartbeats(LONGEST_SILENCE_SECONDS, clock)
        self._lock = threading.Lock()
        self._checks: dict[str, Check] = {}
        self._failure = ""
        self._publish: Callable[[str, bool | None], None] = lambda name, ok: None

    def watch(self, publish: Callable[[str, bool | None], None]) -> None:
        """Have each check published, what stands now first: its name, and None where it is dropped."""
        with self._lock:
            self._publish = publish
            for name, check in self._checks.items():
                publish(name, check.ok)

    def report(self, name: str, ok: bool, detail: str = "") -> None:
        """Record what the part `name` says now."""
        with self._lock:
            self._checks[name] = Check(ok, redact(detail))
            self._publish(name, ok)

    def forget_failed(self) -> None:
        """Drop what is not ok: the parts that said so have ended."""
        with self._lock:
            for name in [name for name, check in self._checks.items() if not check.ok]:
                del self._checks[name]
                self._publish(name, None)

    def fail(self, reason: str) -> None:
        """Declare the process beyond repair."""
        with self._lock:
            self._failure = redact(reason)

    def checks(self) -> Mapping[str, Check]:
        """A copy of all checks by name."""
        with self._lock:
            return dict(self._checks)

    def ready(self) -> bool:
        """True when every check is ok and there is at least one."""
        with self._lock:
            return bool(self._checks) and all(check.ok for check in self._checks.values())

    def alive(self) -> bool:
        """False once `fail` was called, and while a loop hangs."""
        return all(check.ok for check in self.signs().values())

    def signs(self) -> Mapping[str, Check]:
        """What liveness is made of: the process and each of its loops by name."""
        with self._lock:
            failure = self._failure
        signs = {"process": Check(not failure, failure)} | {
            name: Check(True, "") for name in self.beats.loops()
        }
        for hang in self.beats.hanging():
            signs[hang.loop] = Check(
                False,
                f"silent for {hang.seconds:.0f} s, and nothing that it waits for takes longer than "
                f"{self.beats.bound:.0f} s: it hangs, and only another process helps, which goes on where "
                "this one stopped and loses nothing; the log says where it stands",
            )
        return signs


HEALTH = Health()
