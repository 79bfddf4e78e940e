"""The supervisor's state machine, with made-up children and a clock of the test's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.supervisor.process import Command
from sandbox.supervisor.supervisor import LONGEST_BACKOFF, Part, Phase, Supervisor


class FakeChild:
    pids = itertools.count(100)

    def __init__(self, name: str, stubborn: bool = False) -> None:
        self.name, self.stubborn = name, stubborn
        self.pid = next(self.pids)
        self.code: int | None = None
        self.asked: list[str] = []

    def exit_code(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.asked.append("terminate")
        if not self.stubborn:
            self.code = 0

    def kill(self) -> None:
        self.asked.append("kill")
        self.code = -9

    def ending(self) -> str:
        return f"exit code {self.code}: it said why"


class World:
    """Parts whose probes and children the test controls."""

    def __init__(self, *parts: Part, stubborn: tuple[str, ...] = ()) -> None:
        self.now = 0.0
        self.children: dict[str, list[FakeChild]] = {}
        self.stubborn = stubborn
        self.supervisor = Supervisor(parts, start=self._start, clock=lambda: self.now)

    def _start(self, command: Command) -> FakeChild:
        child = FakeChild(command.name, command.name in self.stubborn)
        self.children.setdefault(command.name, []).append(child)
        return child

    def last(self, name: str) -> FakeChild:
        return self.children[name][-1]

    def phases(self) -> dict[str, Phase]:
        return {status.name: status.phase for status in self.supervisor.status()}

    def pause(self) -> None:
        self.now += 0.1


def part(
    name: str,
    *needs: str,
    ready: Callable[[], bool] = lambda: True,
    rank: int = 0,
    finishes: bool = False,
) -> Part:
    return Part(name, lambda: Command(name, (name,), Path(name)), ready, needs, rank, finishes)


def test_a_part_starts_when_what_it_needs_is_ready() -> None:
    up = {"kafka": False}
    world = World(part("kafka", ready=lambda: up["kafka"]), part("listen", "kafka", "topics"))
    world.supervisor.tick()
    assert world.phases() == {"kafka": Phase.STARTING, "listen": Phase.WAITING}
    up["kafka"] = True
    world.supervisor.tick()
    world.supervisor.tick()
    assert world.phases()["listen"] is Phase.WAITING
    world.supervisor.open("topics")
    world.supervisor.tick()
    assert world.phases()["listen"] is Phase.STARTING


def test_a_dead_part_comes_back_with_growing_pauses_and_its_reason() -> None:
    world = World(part("sink"))
    pauses = []
    for _ in range(8):
        world.supervisor.tick()
        world.last("sink").code = 1
        world.supervisor.tick()
        (status,) = world.supervisor.status()
        assert status.phase is Phase.BACKOFF
        assert status.reason == "exit code 1: it said why"
        pauses.append(status.retry_in)
        started = len(world.children["sink"])
        world.now += status.retry_in - 0.01
        world.supervisor.tick()
        assert len(world.children["sink"]) == started
        world.now += 0.01
    longest = [LONGEST_BACKOFF] * 3
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, *longest])
    world.supervisor.tick()
    world.supervisor.tick()
    world.now += 61
    world.supervisor.tick()
    world.last("sink").code = 1
    world.supervisor.tick()
    (status,) = world.supervisor.status()
    assert status.retry_in == pytest.approx(0.5), (
        "a part that ran well for a minute starts over with short pauses"
    )
    assert status.restarts == 9


def test_a_part_restarts_although_what_it_needs_is_down() -> None:
    world = World(part("kafka"), part("listen", "kafka"))
    for _ in range(3):
        world.supervisor.tick()
    world.last("kafka").code = -9
    world.last("listen").code = 1
    world.supervisor.tick()
    world.now += 0.5
    world.supervisor.tick()
    assert len(world.children["listen"]) == 2


def test_a_part_that_finishes_counts_as_ready_and_is_not_started_again() -> None:
    world = World(part("format", finishes=True, ready=lambda: False), part("kafka", "format"))
    world.supervisor.tick()
    assert world.phases()["kafka"] is Phase.WAITING
    world.last("format").code = 0
    for _ in range(3):
        world.now += 60
        world.supervisor.tick()
    assert world.phases() == {"format": Phase.DONE, "kafka": Phase.READY}
    assert len(world.children["format"]) == 1


def test_a_failed_format_is_tried_again() -> None:
    world = World(part("format", finishes=True))
    world.supervisor.tick()
    world.last("format").code = 1
    world.supervisor.tick()
    assert world.phases()["format"] is Phase.BACKOFF


def test_stopping_goes_by_rank_and_kills_what_does_not_end() -> None:
    world = World(
        part("kafka", rank=90),
        part("listen", rank=10),
        part("enrich", rank=20),
        part("state", rank=20),
        stubborn=("enrich",),
    )
    world.supervisor.tick()
    order: list[str] = []
    seen: set[str] = set()

    def pause() -> None:
        world.pause()
        for name in world.children:
            if world.last(name).asked and name not in seen:
                seen.add(name)
                order.append(name)

    killed = world.supervisor.stop(10.0, pause)
    assert killed == ["enrich"]
    assert world.now <= 10.0
    assert world.last("enrich").asked == ["terminate", "kill"]
    assert set(order[:3]) == {"listen", "enrich", "state"}, "kafka is asked after the roles ended"
    assert world.last("kafka").asked == ["terminate"]
    world.supervisor.tick()
    assert set(world.phases().values()) == {Phase.STOPPED}
