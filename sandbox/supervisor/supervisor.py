"""Keeps parts running: starts each when what it needs is ready, restarts it with backoff when it dies.

A state machine moved by `tick`, without threads of its own: the caller's main thread starts all children.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from headwater.retry import Backoff
from sandbox.supervisor.process import Child, Command, bound_log

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 15.0
STEADY_SECONDS = 60.0
LEAST_STOP_SECONDS = 2.5


class Phase(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    BACKOFF = "restarting"
    DONE = "done"
    STOPPED = "stopped"


class Running(Protocol):
    """What the supervisor needs of a child; `process.Child` is the real one."""

    @property
    def pid(self) -> int: ...
    def exit_code(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def ending(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to keep running.

    `command` is asked at each start, so that it may look at what a crash left. `ready` is a quick probe
    (under 0.5 s). `needs` names parts, or `gates` of the supervisor. `rank` orders the stop, lowest first.
    `finishes`: exit code 0 is its end, not a failure.
    """

    name: str
    command: Callable[[], Command]
    ready: Callable[[], bool]
    needs: tuple[str, ...] = ()
    rank: int = 0
    finishes: bool = False


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What a part is doing. `reason`: how it last died, empty if it never did."""

    name: str
    phase: Phase
    pid: int | None
    restarts: int
    reason: str
    retry_in: float


class _State:
    def __init__(self, part: Part) -> None:
        self.part = part
        self.phase = Phase.WAITING
        self.child: Running | None = None
        self.restarts = 0
        self.backoff = Backoff(FIRST_BACKOFF, LONGEST_BACKOFF, jitter=False)
        self.reason = ""
        self.due = 0.0
        self.since = 0.0


class Supervisor:
    """Runs `parts`. `gates` are conditions opened by the caller (`open`), e.g. "topics applied"."""

    def __init__(
        self,
        parts: Iterable[Part],
        *,
        start: Callable[[Command], Running] = Child,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._states = {part.name: _State(part) for part in parts}
        self._start = start
        self._clock = clock
        self._open: set[str] = set()

    def add(self, parts: Iterable[Part]) -> None:
        """Supervise these, too."""
        self._states.update((part.name, _State(part)) for part in parts)

    def open(self, gate: str) -> None:
        """Let the parts that need `gate` start."""
        self._open.add(gate)

    def is_ready(self, name: str) -> bool:
        """True for a part that has answered since its last start or is done, and for an open gate."""
        state = self._states.get(name)
        return name in self._open if state is None else state.phase in (Phase.READY, Phase.DONE)

    def tick(self) -> None:
        """Look at every part once: notice deaths and readiness, start what may start."""
        now = self._clock()
        for state in self._states.values():
            self._tick(state, now)

    def _tick(self, state: _State, now: float) -> None:
        if state.phase in (Phase.STOPPED, Phase.DONE):
            return
        if state.child is not None:
            code = state.child.exit_code()
            if code is not None:
                self._died(state, code, now)
            elif state.phase is Phase.STARTING and state.part.ready():
                state.phase, state.since = Phase.READY, now
            elif state.phase is Phase.READY and state.backoff.attempts and now - state.since > STEADY_SECONDS:
                state.backoff.reset()
        if state.child is None and state.phase in (Phase.WAITING, Phase.BACKOFF):
            allowed = all(self.is_ready(need) for need in state.part.needs)
            # A part that ran before restarts whether or not what it needs is up: it retries by itself.
            if now >= state.due and (allowed or state.phase is Phase.BACKOFF):
                state.child = self._start(state.part.command())
                state.phase, state.since = Phase.STARTING, now

    def _died(self, state: _State, code: int, now: float) -> None:
        child, state.child = state.child, None
        state.reason = child.ending() if child is not None else ""
        if code == 0 and state.part.finishes:
            state.phase = Phase.DONE
            return
        state.phase = Phase.BACKOFF
        state.due = now + state.backoff.next()
        state.restarts += 1

    def status(self) -> tuple[PartStatus, ...]:
        """Every part, in the order given."""
        now = self._clock()
        return tuple(
            PartStatus(
                name,
                state.phase,
                state.child.pid if state.child is not None else None,
                state.restarts,
                state.reason,
                max(0.0, state.due - now) if state.phase is Phase.BACKOFF else 0.0,
            )
            for name, state in self._states.items()
        )

    def tend_logs(self) -> None:
        """Keep every running part's log within bounds."""
        for state in self._states.values():
            if isinstance(state.child, Child):
                bound_log(state.child.command.log)

    def stop(
        self, seconds: float, pause: Callable[[], None], names: Iterable[str] | None = None
    ) -> list[str]:
        """Stop parts by rank, each rank's together: SIGTERM, then SIGKILL for what is left at the end.

        Returns within `seconds` (plus what the kernel needs for a SIGKILL) and names those that had to be
        killed. `pause` is called between looks; a part of a later rank goes on until the ones before ended.
        """
        chosen = set(self._states) if names is None else set(names)
        for name in chosen:
            self._states[name].phase = Phase.STOPPED
        alive = {n: s for n, s in self._states.items() if n in chosen and s.child is not None}
        ranks = sorted({state.part.rank for state in alive.values()})
        end = self._clock() + seconds
        killed: list[str] = []
        for index, rank in enumerate(ranks):
            group = [(name, state.child) for name, state in alive.items() if state.part.rank == rank]
            children = [(name, child) for name, child in group if child is not None]
            for _, child in children:
                child.terminate()
            # Leaves the ranks after this one enough to be asked, and to end when they are quick.
            share = end - LEAST_STOP_SECONDS * (len(ranks) - index - 1)
            while any(child.exit_code() is None for _, child in children) and self._clock() < share:
                pause()
            for name, child in children:
                if child.exit_code() is None:
                    child.kill()
                    killed.append(name)
                self._states[name].child = None
        return killed
