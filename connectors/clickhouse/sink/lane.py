"""A thread of its own for each table, so that one table's trouble does not stall another's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from headwater.health import HEALTH
from headwater.heartbeat import Loop

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """A job that ended: what it returned, or the error that it raised."""

    lane: Lane[T]
    result: T | None
    error: BaseException | None


class Lane(Generic[T]):
    """Runs one job at a time in a daemon thread; what it came to appears in the queue `done`.

    A daemon, since a job may hang in a socket and must not keep the process from leaving.
    """

    def __init__(self, name: str, done: SimpleQueue[Finished[T]]) -> None:
        self.name = name
        self.busy = False
        self._done = done
        self._jobs: SimpleQueue[Callable[[], T]] = SimpleQueue()
        threading.Thread(target=self._run, name=f"sink-{name}", daemon=True).start()

    def start(self, job: Callable[[], T]) -> None:
        """Begin a job; only while the lane is not busy."""
        if self.busy:
            raise RuntimeError(f"lane {self.name} is busy")
        self.busy = True
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                with HEALTH.beats.loop(Loop.LANE, self.name):
                    result = Finished(self, job(), None)
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                result = Finished(self, None, error)
            self._done.put(result)
