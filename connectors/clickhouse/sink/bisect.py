"""Finding the rows that spoil a batch, and deciding when there are too many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.bad_ratio import BadRatioLimit
from headwater.errors import Permanent

WINDOW_ROWS: Final = 10_000
"""Rows over which the share of bad ones is taken."""


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


class BadRowLimit(BadRatioLimit):
    """Stops the sink when a stream's rows are bad too often."""

    def __init__(self, stream: str, max_ratio: float) -> None:
        super().__init__(f"rows of {stream}", max_ratio, setting="sink.max_bad_ratio", window=WINDOW_ROWS)
