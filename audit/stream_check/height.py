"""When a block was published first: by bisection of its partition of `blocks`."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low
from typing import Final, NamedTuple, Protocol

_MARGIN: Final = 64
"""Blocks by which heights may lie out of order, forks being what moves them."""
_NEAR: Final = 100


class Seen(NamedTuple):
    """The height in a message of `blocks`, and the broker's time."""

    number: int
    time_ms: int


class BlockPartition(Protocol):
    """One partition of `blocks`. `some` gives a few messages from an offset on, none at the end."""

    low: int
    high: int

    def some(self, offset: int) -> Sequence[Seen]: ...


def time_of(partition: BlockPartition, number: int) -> int | None:
    """A time before the brokers took the first message of a block, in milliseconds; None: all there is.

    The height is nearly sorted by offset. Repairs say old blocks among new ones: the median of a few messages
    passes over them.
    """
    low, high = partition.low, partition.high
    while high - low > _NEAR:
        middle = (low + high) // 2
        seen = partition.some(middle)
        if seen and median_low(each.number for each in seen) < number - _MARGIN:
            low = middle
        else:
            high = middle
    if low == partition.low:
        return None
    return min(each.time_ms for each in partition.some(low))
