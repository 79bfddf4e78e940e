"""Waiting for a fact of other processes: to look at it must not take the machine from them.

A look may be a question to ClickHouse's views, or a new reader of Kafka: a tenth of a second of CPU. With ten
of them a second it would take a core from what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

_LEAST_SECONDS: Final = 0.05
_LONGEST_SECONDS: Final = 1.0
_TIMES: Final = 3
"""A pause is so many times as long as the look before it."""
Fact = TypeVar("Fact")


def looks(seconds: float) -> Iterator[None]:
    """Something to look at a fact at, time and again, once at least, until so many seconds are over."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        yield
        now = time.monotonic()
        if now > deadline:
            return
        time.sleep(min(_LONGEST_SECONDS, max(_LEAST_SECONDS, _TIMES * (now - began))))


def until(fact: Callable[[], Fact], what: str | Callable[[], str], seconds: float = 180) -> Fact:
    """Wait for something to become true, and give it; fails by name.

    How busy the machine is decides nothing.
    """
    for _ in looks(seconds):
        if found := fact():
            return found
    raise AssertionError(f"not in {seconds:.0f} s: {what if isinstance(what, str) else what()}")
