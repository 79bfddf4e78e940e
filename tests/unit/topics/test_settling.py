"""A slow cluster that gets on is waited for; one that does not is named."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from headwater.errors import Transient
from topics.settling import settled


def looking(looks: Sequence[tuple[float, str]]) -> tuple[Callable[[], list[str]], Callable[[], float]]:
    """What is missing at each look, and a clock: each look takes so many seconds, the last one for ever."""
    now = 0.0
    ahead: Iterator[tuple[float, str]] = itertools.chain(looks, itertools.repeat(looks[-1]))

    def missing() -> list[str]:
        nonlocal now
        took, names = next(ahead)
        now += took
        return names.split()

    return missing, lambda: now


def wait(*looks: tuple[float, str]) -> float:
    """The seconds that it was waited."""
    missing, clock = looking(looks)
    settled(missing, lambda: None, seconds=20, clock=clock)
    return clock()


def test_nothing_missing_is_no_wait() -> None:
    assert wait((0, "")) == 0


def test_a_cluster_that_gets_on_is_waited_for_however_long_it_takes() -> None:
    assert wait((0, "a b c d"), (15, "a b c"), (15, "b c"), (15, "c"), (15, "")) == 60


def test_one_look_that_takes_all_the_time_is_no_verdict() -> None:
    assert wait((25, "a b"), (1, "")) == 26


def test_what_does_not_come_is_named() -> None:
    with pytest.raises(Transient, match="nothing more for 20 s, not yet: b, c"):
        wait((0, "a b c"), (1, "b c"), (1, "b c"))


def test_what_comes_and_goes_is_no_progress() -> None:
    with pytest.raises(Transient):
        wait((0, "a"), *[(9, "a b"), (9, "a")] * 9, (0, ""))
