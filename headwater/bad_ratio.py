"""When too much of what comes is bad: a bad deploy must not drain a topic into the dead letters."""

from __future__ import annotations

from collections import deque
from typing import Final

from headwater.errors import Fatal, Permanent

# Fewer than this never stop a process, whatever share of a few they are.
ALWAYS_ALLOWED: Final = 20


class BadRatioLimit:
    """Stops a process when more than `max_ratio` of the last `window` items, named `items`, are bad.

    A batch counts only once it is done, so that a trickle of small batches counts as one large batch.
    `setting` is what raises the limit.
    """

    def __init__(self, items: str, max_ratio: float, *, setting: str, window: int) -> None:
        self._items = items
        self._max_ratio = max_ratio
        self._setting = setting
        self._window = window
        self._batches: deque[tuple[int, int]] = deque()

    @property
    def recent(self) -> tuple[int, int]:
        """Items of the window, and how many of them are bad."""
        return sum(each for each, _ in self._batches), sum(each for _, each in self._batches)

    def go_on_from(self, count: int, bad: int) -> None:
        """Begin with what was `recent` in the process before: they count as one window at most."""
        self.done(min(count, self._window), bad if count <= self._window else bad * self._window // count)

    def check(self, count: int, bad: int, last: Permanent) -> None:
        """Ask while a batch of `count` has shown `bad` bad ones so far. Raises Fatal when it is enough."""
        of_all = count + sum(each for each, _ in self._batches)
        all_bad = bad + sum(each for _, each in self._batches)
        if all_bad > ALWAYS_ALLOWED and all_bad > self._max_ratio * of_all:
            raise Fatal(
                f"{all_bad} of the last {of_all} {self._items} are bad, the last: {last}",
                remedy="this looks like a wrong deploy: fix it and start again, nothing of this batch was "
                f"skipped; or allow it with {self._setting}",
            )

    def done(self, count: int, bad: int) -> None:
        """A batch is finished: it counts for those that follow."""
        self._batches.append((count, bad))
        while sum(each for each, _ in self._batches) - self._batches[0][0] >= self._window:
            self._batches.popleft()
