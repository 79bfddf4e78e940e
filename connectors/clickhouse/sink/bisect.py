"""Finding the rows that spoil a batch, and deciding when there are too many of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from headwater.errors import Fatal, Permanent

# Fewer bad rows than this never stop the sink, whatever share of a small batch they are.
ALWAYS_ALLOWED: Final = 20
# Rows over which the share is taken, so that a trickle of small batches counts as one large batch.
WINDOW_ROWS: Final = 10_000


def bisect(count: int, attempt: Callable[[int, int], None], found: Callable[[int, Permanent], None]) -> None:
    """Call `attempt(start, end)` on ever smaller ranges of 0..count until each bad row stands alone.

    `attempt` raises Permanent when a row of the range is bad; it is never called on a range that holds a
    row reported before. `found(row, error)` gets each bad row, in order, and may raise to stop the search.
    """
    ranges = [(0, count)]
    while ranges:
        start, end = ranges.pop()
        if start == end:
            continue
        try:
            attempt(start, end)
        except Permanent as error:
            if end - start == 1:
                found(start, error)
                continue
            middle = (start + end) // 2
            ranges += [(middle, end), (start, middle)]


class BadRowLimit:
    """Stops the sink when a stream's rows are bad too often: a bad deploy must not drain a topic into the
    dead letters.
    """

    def __init__(self, stream: str, max_ratio: float) -> None:
        self._stream = stream
        self._max_ratio = max_ratio
        self._batches: deque[tuple[int, int]] = deque()

    def check(self, rows: int, bad: int, last: Permanent) -> None:
        """Ask while a batch of `rows` has shown `bad` bad rows so far. Raises Fatal when it is enough."""
        all_rows = rows + sum(each for each, _ in self._batches)
        all_bad = bad + sum(each for _, each in self._batches)
        if all_bad > ALWAYS_ALLOWED and all_bad > self._max_ratio * all_rows:
            raise Fatal(
                f"{all_bad} of the last {all_rows} rows of {self._stream} cannot be stored, the last: {last}",
                remedy="this looks like a wrong deploy: fix schema or tables and start again, nothing was "
                "skipped; or allow it with sink.max_bad_ratio",
            )

    def done(self, rows: int, bad: int) -> None:
        """A batch is finished: it counts for those that follow."""
        self._batches.append((rows, bad))
        while sum(each for each, _ in self._batches) - self._batches[0][0] >= WINDOW_ROWS:
            self._batches.popleft()
