"""Sets of block numbers as ranges, and the form in which the views look a number up. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The heights first..last, both in it."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


class Heights:
    """A set of heights that never changes."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self.ranges: tuple[Range, ...] = tuple(_joined(sorted(ranges)))
        self._firsts = [each.first for each in self.ranges]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self.ranges[at].last

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Heights) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __repr__(self) -> str:
        return f"Heights({', '.join(f'{each.first}..{each.last}' for each in self.ranges)})"

    def __or__(self, other: Heights) -> Heights:
        return Heights((*self.ranges, *other.ranges))


def runs(numbers: Iterable[int]) -> list[Range]:
    """The numbers as the fewest ranges."""
    return list(_joined(Range(number, number) for number in sorted(numbers)))


def edges(heights: Heights) -> tuple[int, ...]:
    """The form in which the views look heights up by bisection: where the set begins, and where it ends.

    They ascend; each is twice a height, plus one where it begins heights that are not in the set.
    """
    return tuple(edge for each in heights.ranges for edge in (2 * each.first, 2 * (each.last + 1) + 1))


def _joined(ranges: Iterable[Range]) -> Sequence[Range]:
    found: list[Range] = []
    for each in ranges:
        if found and each.first <= found[-1].last + 1:
            found[-1] = Range(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    return found
