"""Waiting for outcomes ends with the last one, or when patience runs out."""

from __future__ import annotations

from collections.abc import Iterator

from audit.repair.asking import wait
from connectors.evm.repair.request import Outcome
from tests.builders.repairs import published, refused


class Listener:
    """Outcomes at their times; asking for the next one takes all the seconds that it may."""

    def __init__(self, *outcomes: tuple[float, Outcome]) -> None:
        self.now = 0.0
        self._left: Iterator[tuple[float, Outcome]] = iter(outcomes)
        self._next = next(self._left, None)

    def __call__(self, seconds: float) -> Outcome | None:
        assert seconds > 0
        if self._next is None or self._next[0] > self.now + seconds:
            self.now += seconds
            return None
        at, outcome = self._next
        self.now = max(self.now, at)
        self._next = next(self._left, None)
        return outcome

    def clock(self) -> float:
        return self.now


def test_it_ends_with_the_last_outcome() -> None:
    listener = Listener(
        (1, published("a")), (2, published("another's")), (4, refused("b")), (5, published("c"))
    )
    seen: list[str] = []
    found = wait(
        listener,
        {"a", "b"},
        patience_seconds=60,
        progress=lambda: seen.append("one"),
        clock=listener.clock,
    )
    assert found == {"a": published("a"), "b": refused("b")}
    assert listener.now == 4
    assert len(seen) == 2


def test_patience_begins_anew_with_each_outcome_of_ours() -> None:
    times = [8.0, 16.0, 24.0]
    listener = Listener(*((at, published(str(at))) for at in times), (31.0, published("another's")))
    wanted = {*map(str, times), "never"}
    found = wait(listener, wanted, patience_seconds=10, clock=listener.clock)
    assert set(found) == set(map(str, times))
    assert listener.now == 34.0


def test_nothing_to_wait_for_takes_no_time() -> None:
    listener = Listener()
    assert wait(listener, set(), patience_seconds=10, clock=listener.clock) == {}
    assert listener.now == 0
