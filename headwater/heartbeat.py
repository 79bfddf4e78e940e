"""Signs of life of the loops that do a process's work: what hangs is known by them from what waits.

A loop is watched within `Heartbeats.loop`, and says `beat` wherever it goes on: a turn, a message read, a try
that failed. What it calls says so for it, in another thread too where the caller's context goes along: a
reading back of ten minutes is no silence of ten minutes. `silences` has how long a loop may be silent.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Final, NamedTuple

TICK_SECONDS: Final = 1.0


class Loop(StrEnum):
    """The loops that are watched: each stops what its process is for."""

    EVENT_LOOP = "event loop"  # of a listener or a stage
    CHAIN = "chain"  # the listener: it starts, stands by, or looks at the head
    ELECTION = "election"  # the listener's place in its group
    STAGE = "stage"  # events in hand, from taking a partition over to the last acknowledgement
    CONSUMER = "consumer"  # the thread in which a stage's Kafka client reads
    CONFIGURATION = "configuration"  # the alert stage follows its rules
    SINK = "turns"  # of the sink, one after the other, from its start on
    LANE = "lane"  # of the sink: a batch on its way into a table, and what is asked of brokers
    BESIDE = "beside"  # of the sink: a tick of settling or of moving rows
    LEDGER = "ledger"  # deliver: what the ledger holds is decided, written and sent
    ATTEMPTS = "attempts"  # deliver: the event loop in which receivers are called
    ALERTS = "alerts"  # deliver: alerts get their entries in the ledger


class Pulse:
    """The last sign of life of one loop, `thread` being where it began; `clock` in seconds."""

    __slots__ = ("_clock", "_stamp", "_waits", "thread")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waits = 0
        self.thread = threading.get_ident()
        self.beat()

    def beat(self) -> None:
        self._stamp = self._clock()

    def wait(self, more: int) -> None:
        self._waits += more
        self.beat()

    @property
    def silence(self) -> float:
        """Seconds without a sign; 0 while it waits."""
        return 0.0 if self._waits else max(0.0, self._clock() - self._stamp)


class Hang(NamedTuple):
    """A loop that is silent for too long."""

    loop: str
    seconds: float
    thread: int


_current: ContextVar[Pulse | None] = ContextVar("loop", default=None)


class Heartbeats:
    """The loops of one process; `bound`: seconds after which a silent one hangs. For any thread."""

    def __init__(self, bound: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.bound = bound
        self._clock = clock
        self._lock = threading.Lock()
        self._pulses: dict[str, Pulse | None] = {}
        self._publish: Callable[[str, Callable[[], float]], None] = lambda name, silence: None

    def watch(self, publish: Callable[[str, Callable[[], float]], None]) -> None:
        """Have each loop published, once: its name, and what tells for how many seconds it is silent."""
        with self._lock:
            self._publish = publish
            for name in self._pulses:
                publish(name, lambda name=name: self.silence(name))  # type: ignore[misc]

    @contextmanager
    def loop(self, loop: Loop, of: str = "") -> Iterator[None]:
        """Watch a loop while the context lasts; `of` tells those of a kind apart. Outside of it, it rests."""
        name = f"{loop} {of}" if of else str(loop)
        pulse, outer = Pulse(self._clock), _current.get()
        with self._lock:
            known = name in self._pulses
            self._pulses[name] = pulse
            if not known:
                self._publish(name, lambda: self.silence(name))
        _current.set(pulse)
        try:
            yield
        finally:
            _current.set(outer)
            with self._lock:
                if self._pulses[name] is pulse:
                    self._pulses[name] = None

    async def ticks(self, loop: Loop = Loop.EVENT_LOOP) -> None:
        """Beat for the running event loop until cancelled: it hangs when something blocks it."""
        with self.loop(loop):
            while True:
                beat()
                await asyncio.sleep(TICK_SECONDS)

    def silence(self, name: str) -> float:
        """Seconds for which a loop is silent, 0 while it rests or waits."""
        with self._lock:
            pulse = self._pulses.get(name)
        return 0.0 if pulse is None else pulse.silence

    def loops(self) -> list[str]:
        """All that were watched so far."""
        with self._lock:
            return list(self._pulses)

    def hanging(self) -> list[Hang]:
        """The loops that are silent for longer than any of them has reason to be."""
        with self._lock:
            pulses = [(name, pulse) for name, pulse in self._pulses.items() if pulse is not None]
        told = [Hang(name, pulse.silence, pulse.thread) for name, pulse in pulses]
        return [each for each in told if each.seconds > self.bound]


def beat() -> None:
    """The loop that this is done for goes on. Where it is nobody's, nothing happens."""
    pulse = _current.get()
    if pulse is not None:
        pulse.beat()


@contextmanager
def waiting() -> Iterator[None]:
    """The loop has nothing to do until somebody else has done something, or a time-out of its own is over."""
    pulse = _current.get()
    if pulse is not None:
        pulse.wait(1)
    try:
        yield
    finally:
        if pulse is not None:
            pulse.wait(-1)


def on_its_own() -> None:
    """What this task does from now on is no sign of life of the loop that began it."""
    _current.set(None)
