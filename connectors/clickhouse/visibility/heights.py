"""Sets of block numbers as ranges, and the form in which the views look a number up. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# A gap of up to so many heights is listed, number by number: the views look these up in a hash set, which
# costs the same whatever is in it. Wider gaps are few, and divide ranges, which are searched by bisection.
LISTED_GAP: Final = 64


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The heights first..last, both in it."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Lookup:
    """Heights as the views look them up.

    `edges` ascend; each is twice a height, plus one where it begins heights that are not in the set. `holes`
    are the heights that are missing all the same. `count` is how many are in the set.
    """

    edges: tuple[int, ...]
    holes: tuple[int, ...]
    count: int


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


def lookup(heights: Heights) -> Lookup:
    """The form for the views: gaps up to `LISTED_GAP` become holes, the rest divides edges."""
    edges: list[int] = []
    holes: list[int] = []
    for each in heights.ranges:
        if edges and each.first - edges[-1] // 2 <= LISTED_GAP:
            holes += range(edges.pop() // 2, each.first)
        else:
            edges.append(2 * each.first)
        edges.append(2 * (each.last + 1) + 1)
    return Lookup(tuple(edges), tuple(holes), len(heights))


def _joined(ranges: Iterable[Range]) -> Sequence[Range]:
    found: list[Range] = []
    for each in ranges:
        if found and each.first <= found[-1].last + 1:
            found[-1] = Range(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    return found
