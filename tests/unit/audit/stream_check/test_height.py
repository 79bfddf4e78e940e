"""The time of a block is found among forks and repairs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from audit.stream_check.height import Seen, time_of


class Heights:
    """A partition whose message at offset n has the n-th height, at 10 ms a message."""

    def __init__(self, heights: Sequence[int], low: int = 0) -> None:
        self._heights = heights
        self.low = low
        self.high = len(heights)
        self.asked = 0

    def some(self, offset: int) -> Sequence[Seen]:
        self.asked += 1
        found = range(offset, min(offset + 5, self.high))
        return [Seen(self._heights[each], 10 * each) for each in found]


@pytest.mark.parametrize("number", [700, 5_000, 9_990])
def test_it_is_close_below_the_block(number: int) -> None:
    # Every hundredth message says an old block again.
    heights = Heights([3 if each % 100 == 0 else each for each in range(10_000)])
    found = time_of(heights, number)
    assert found is not None
    assert 10 * (number - 400) <= found <= 10 * number
    assert heights.asked < 20


def test_at_the_beginning_there_is_all() -> None:
    assert time_of(Heights(range(1_000)), 10) is None
    assert time_of(Heights([]), 10) is None
    assert time_of(Heights(range(5_000), low=4_000), 10) is None
