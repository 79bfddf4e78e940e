"""Liveness and readiness of a role: named checks, served beside the metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headwater.redaction import redact


@dataclass(frozen=True, slots=True)
class Check:
    """The last word of one part: `ok`, and what it says when it is not."""

    ok: bool
    detail: str


class Health:
    """What the parts of this process last said of themselves. Safe to use from any thread.

    `ready` needs every named check to be ok; `alive` fails only when a part called `fail`, which is
    what an orchestrator should restart the process for.
    """

    def __init__(self) -> None:
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
        """False once `fail` was called."""
        with self._lock:
            return not self._failure


HEALTH = Health()
