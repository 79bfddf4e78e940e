"""Which blocks are settled, from the coverage alone. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoveredBlock:
    """A canonical row of coverage."""

    number: int
    block_hash: bytes
    parent_hash: bytes
    complete: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """Blocks first..last but for the holes are final and whole."""

    first: int
    last: int
    holes: frozenset[int] = frozenset()

    def holds(self, number: int) -> bool:
        """Is this block settled?"""
        return self.first <= number <= self.last and number not in self.holes

    def covers(self, numbers: range) -> bool:
        """Are all of these settled?"""
        inside = self.first <= numbers.start and numbers.stop - 1 <= self.last
        return inside and not any(hole in numbers for hole in self.holes)


def extend(
    settled: Settled | None, number: int, block_hash: bytes, coverage: Sequence[CoveredBlock]
) -> Settled | None:
    """Extend the range to the final block `number`, given the coverage from the range's last block on.

    Nothing more may be under way for these blocks. Where the coverage lacks a link of the chain, or has a
    block that is not whole, the number becomes a hole. None when the final block itself is not there.
    """
    by_number: dict[int, list[CoveredBlock]] = defaultdict(list)
    for row in coverage:
        by_number[row.number].append(row)
    if not any(row.block_hash == block_hash for row in by_number[number]):
        return None
    first = min(by_number) if settled is None else settled.first
    least = first if settled is None else settled.last + 1
    holes = set() if settled is None else set(settled.holes)
    wanted: bytes | None = block_hash
    for height in range(number, least - 1, -1):
        rows = by_number.get(height, [])
        linked = next((row for row in rows if row.block_hash == wanted), None)
        if linked is None or len(rows) > 1 or not linked.complete:
            holes.add(height)
        # Below a break the chain is picked up again where the coverage has one candidate: nothing more can
        # come for these heights, so what is there alone is canonical.
        below = by_number.get(height - 1, [])
        wanted = linked.parent_hash if linked else below[0].block_hash if len(below) == 1 else None
    return Settled(first, number, frozenset(holes))


def refill(settled: Settled, coverage: Iterable[CoveredBlock]) -> Settled:
    """Close the holes that have one whole canonical block now; `coverage` has the rows of the holes."""
    by_number: dict[int, list[CoveredBlock]] = defaultdict(list)
    for row in coverage:
        by_number[row.number].append(row)
    filled = {n for n, rows in by_number.items() if len(rows) == 1 and rows[0].complete}
    return Settled(settled.first, settled.last, settled.holes - filled)
