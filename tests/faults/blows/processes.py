"""Processes that stand still, end, or are started with other settings."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

from tests.faults.site import Site

_AGAIN_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Paused:
    """A part stands still, SIGSTOP, and goes on."""

    part: str

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.signal(self.part, signal.SIGSTOP)
        try:
            yield
        finally:
            # It may have been ended and started anew meanwhile.
            site.line.signal(self.part, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Killed:
    """A part is killed, SIGKILL, so many seconds after it is seen to run: with 0 it never gets to serve."""

    part: str
    seconds: float = 0.0

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        ended = threading.Event()

        def kill() -> None:
            while not ended.wait(_AGAIN_SECONDS):
                pid = site.pid(self.part)
                if pid is not None and not ended.wait(self.seconds):
                    with suppress(psutil.NoSuchProcess):  # it has died meanwhile
                        psutil.Process(pid).kill()

        killer = threading.Thread(target=kill, name=f"kills {self.part}", daemon=True)
        killer.start()
        try:
            yield
        finally:
            ended.set()
            killer.join()


@dataclass(frozen=True, slots=True)
class Restarted:
    """A part is killed once, and started again by its supervisor."""

    part: str

    def on(self, site: Site) -> AbstractContextManager[object]:
        site.signal(self.part, signal.SIGKILL)
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Deployed:
    """The stack is started again with further settings, and keeps them.

    Values may name `{head}`, a block soon after the start: what is said of one block happens once.
    """

    settings: Mapping[str, str] = field(default_factory=dict)

    def on(self, site: Site) -> AbstractContextManager[object]:
        site.deploy(self.settings)
        return nullcontext()
