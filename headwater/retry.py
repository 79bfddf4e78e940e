"""Trying again what may pass by itself: the only pauses, the only loop that makes the same try again, the
only way out of it.

Who tries again otherwise takes at least the pauses from Backoff here:
- the pool's rounds over endpoints (`connectors/evm/pool/asking/rounds.py`), which compare a round's failures
  with those of the round before, and end with the question's time;
- the subscription to new heads (`connectors/evm/head/subscription.py`): its next try is another node, and a
  success in the middle of a try starts the pauses over;
- a listener that stands by (`connectors/evm/leadership/turns.py`), whose election ends a pause, never a read;
- deliveries (`connectors/delivery/queue/`), where a pause is a time in the ledger that outlives the process;
- the supervisor of the local stack (`sandbox/supervisor/`), which looks at a clock and never waits;
- `headwater up` (`sandbox/stack/run.py`) at a node that is away: Ctrl-C ends a pause, and is no failure;
- `headwater verify` (`audit/verify/run.py`), whose rows come late: it looks again although nothing failed.
`tests/contract/test_retries.py` holds this list.

Own code rather than a library: a try ends when the process drains, a server's Retry-After is a floor under
the pause, and what fails meanwhile has to be seen in health and metrics while it fails.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from headwater.errors import HeadwaterError, Transient
from headwater.heartbeat import beat

T = TypeVar("T")
OnFailure = Callable[[Transient, float], object]
"""Called before each pause with what failed and the pause in seconds."""


class Stopped(HeadwaterError):  # noqa: N818 - a request, not an error
    """The process drains: what was being tried stays undone and unacknowledged, and is done after it."""


@dataclass(slots=True)
class Backoff:
    """Pauses between attempts: full jitter under a doubling ceiling, so that many clients spread out.

    `first` and `ceiling` are seconds. Without `jitter` a pause is the ceiling of its turn: for who is alone.
    """

    first: float = 0.2
    ceiling: float = 15.0
    random: random.Random = field(default_factory=random.Random)
    attempts: int = 0
    jitter: bool = True

    def next(self, at_least: float = 0.0) -> float:
        """Seconds until the next attempt; never less than `at_least` (a server's Retry-After)."""
        # 2.0**64 is beyond any ceiling and keeps a patient client from overflowing a float.
        top = min(self.ceiling, self.first * 2.0 ** min(self.attempts, 64))
        self.attempts += 1
        return at_least + (self.random.uniform(0, top) if self.jitter else top)

    def reset(self) -> None:
        """Start over after a success."""
        self.attempts = 0


class Retry:
    """Repeats a step while it raises Transient: for ever, or `attempts` times in a row.

    A set `stop` ends it. `on_failure` is called before each pause, `on_recovery` when a step succeeds after
    failures; each try is a sign of life. `failing` is what the step said when it failed last, "" once it has
    succeeded; any thread may look. One instance serves one step after another, from one thread or event loop.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        attempts: int | None = None,
        stop: threading.Event | None = None,
        on_failure: OnFailure = lambda error, seconds: None,
        on_recovery: Callable[[], object] = lambda: None,
    ) -> None:
        self.failing = ""
        self._backoff = backoff or Backoff()
        self._attempts = attempts
        self._failures = 0
        self._stop = stop or threading.Event()
        self._on_failure = on_failure
        self._on_recovery = on_recovery

    def __call__(self, step: Callable[[], T]) -> T:
        """The step's result. Raises what it raises but Transient, its last Transient, and Stopped."""
        while True:
            beat()
            try:
                result = step()
            except Transient as error:
                self._failed(error)
                if self._stop.wait(self._pause(error)):
                    raise Stopped(f"stopped while waiting: {error}") from error
            else:
                self._succeeded()
                return result

    async def run(self, step: Callable[[], Awaitable[T]]) -> T:
        """The same in an event loop, where a set `stop` is noticed after the pause."""
        while True:
            beat()
            try:
                result = await step()
            except Transient as error:
                self._failed(error)
                await asyncio.sleep(self._pause(error))
                if self._stop.is_set():
                    raise Stopped(f"stopped while waiting: {error}") from error
            else:
                self._succeeded()
                return result

    def _failed(self, error: Transient) -> None:
        beat()
        self.failing = str(error)
        self._failures += 1
        if self._failures == self._attempts:
            self._failures = 0
            self._backoff.reset()
            raise error

    def _pause(self, error: Transient) -> float:
        seconds = self._backoff.next()
        self._on_failure(error, seconds)
        return seconds

    def _succeeded(self) -> None:
        beat()
        if self._failures:
            self._failures = 0
            self._backoff.reset()
            self.failing = ""
            self._on_recovery()
