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
_ELSEWHERE: Final = "headwater-elsewhere-1"


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
class Beside:
    """A second process of a role runs beside that of the stack, as one of another machine would.

    It is started again whenever it ends, as a cluster does.
    """

    words: tuple[str, ...]

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(_AGAIN_SECONDS):
                process = site.line.replacement(
                    *self.words, HEADWATER_CLIENT_ID=_ELSEWHERE, HEADWATER_METRICS_PORT="0"
                )
                while process.poll() is None and not ended.wait(_AGAIN_SECONDS):
                    pass
                process.kill()
                process.wait()

        runner = threading.Thread(target=run, name=f"beside {self.words[0]}", daemon=True)
        runner.start()
        try:
            yield
        finally:
            ended.set()
            runner.join()


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
