"""How a fault went: its alert fires, is gone once the fault is mended, and so is all else that fired. Pure.

Time comes with the samples alone, so that a test needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.alerts import Alert, Each, Expected, Sample

Look = Callable[[], Sample]
"""The next sample, some moment after the one before."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: the longest that is waited for the alert to fire, and for everything to be silent; and how
    long it must have been silent to count as such."""

    fire: float
    clear: float
    silent: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a fault.

    `fires`: seconds from the fault to the alert, `clears`: from the mend until it is gone for good; None: it
    did not. `beside` fired too and went; `stays` fires still at the end, the alert itself not counted;
    `before` fired already, for which reason nothing was begun.
    """

    fires: float | None = None
    clears: float | None = None
    beside: frozenset[Alert] = frozenset()
    stays: frozenset[Alert] = frozenset()
    before: frozenset[Alert] = frozenset()

    @property
    def passed(self) -> bool:
        """Whether it is as it should be."""
        return self.fires is not None and self.clears is not None and not self.stays


def follow(
    expected: Expected | Each,
    look: Look,
    begin: Callable[[], object],
    mend: Callable[[], object],
    patience: Patience,
) -> Seen:
    """Have a fault happen, and tell what came of it. It is mended, whatever is raised meanwhile."""
    course = _Course(expected, look)
    if course.last.alerts:
        course.silence(patience)
    if course.last.alerts:
        return Seen(before=course.last.alerts)
    try:
        begin()
        began = course.look()
        while not course.shown and course.last.at - began.at <= patience.fire:
            course.look()
        fires = course.last.at - began.at if course.shown else None
    finally:
        mend()
    mended = course.look()
    course.silence(patience)
    return Seen(
        fires=fires,
        clears=None if fires is None or course.gone is None else max(0.0, course.gone - mended.at),
        beside=course.others - course.last.alerts,
        stays=course.others & course.last.alerts,
    )


class _Course:
    """What was seen so far: `gone` is since when nothing expected has fired, None while something does."""

    def __init__(self, expected: Expected | Each, look: Look) -> None:
        self._expected = expected
        self._look = look
        self.last = look()
        self.gone: float | None = None
        self.others: frozenset[Alert] = frozenset()

    @property
    def shown(self) -> bool:
        return self._expected.fires(self.last.alerts)

    def look(self) -> Sample:
        self.last = self._look()
        self.others |= {each for each in self.last.alerts if not self._expected.matches(each)}
        if any(map(self._expected.matches, self.last.alerts)):
            self.gone = None
        elif self.gone is None:
            self.gone = self.last.at
        return self.last

    def silence(self, patience: Patience) -> None:
        """Look until nothing has fired for long enough, or that takes too long."""
        began, since = self.last.at, None if self.last.alerts else self.last.at
        while since is None or self.last.at - since < patience.silent:
            if self.last.alerts and self.last.at - began > patience.clear:
                return
            self.look()
            if self.last.alerts:
                since = None
            elif since is None:
                since = self.last.at
