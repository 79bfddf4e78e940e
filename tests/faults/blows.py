"""What can be done to a part, and undone. Each is data: which part, and how much of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import psutil

from tests.faults.nodes import COUNT
from tests.faults.site import Site

EVERY: Final = tuple(range(COUNT))
"""All nodes."""
_AGAIN_SECONDS: Final = 0.2


class Blow(Protocol):
    """Something that happens to a site for as long as the context lasts."""

    def on(self, site: Site) -> AbstractContextManager[object]: ...


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
class Together:
    """One after the other, and undone in reverse."""

    blows: tuple[Blow, ...]

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        with ExitStack() as stack:
            for blow in self.blows:
                stack.enter_context(blow.on(site))
            yield


@dataclass(frozen=True, slots=True)
class CutOff:
    """Nodes refuse connections."""

    nodes: tuple[int, ...] = EVERY

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.nodes.cut_off(self.nodes)
        try:
            yield
        finally:
            site.nodes.serve(self.nodes)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Nodes do what a rule of docs/recorded-node.md says; `hurries`: so many blocks come at once then."""

    rule: Mapping[str, Any]
    nodes: tuple[int, ...] = EVERY
    hurries: int = 0

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.nodes.spoil(self.nodes, [self.rule])
        site.nodes.hurry(self.hurries)
        try:
            yield
        finally:
            site.nodes.spoil(self.nodes, [])


@dataclass(frozen=True, slots=True)
class Halted:
    """No node has a new block."""

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.nodes.halt()
        try:
            yield
        finally:
            site.nodes.go_on()


@dataclass(frozen=True, slots=True)
class Filled:
    """The disk of ClickHouse is full."""

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.disk.fill()
        try:
            yield
        finally:
            site.disk.empty()


@dataclass(frozen=True, slots=True)
class Deployed:
    """The stack is started again with further settings, and keeps them.

    Values may name `{head}`, a block soon after the start: what is said of one block happens once.
    """

    settings: Mapping[str, str] = field(default_factory=dict)

    def on(self, site: Site) -> AbstractContextManager[object]:
        site.deploy(self.settings)
        return nullcontext()
