"""Which blocks may be settled, from the coverage alone. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoveredBlock:
    """The one canonical row that coverage has for a height; its block is whole."""

    number: int
    block_hash: bytes
    parent_hash: bytes


def settleable(blocks: Iterable[CoveredBlock], children: Mapping[int, Collection[bytes]]) -> frozenset[int]:
    """The heights of those blocks that may be settled.

    `blocks` are at or below a final block and nothing more may be under way for them, so what is there
    alone is canonical, unless the block above it names another parent. `children` has, for heights above
    which `blocks` has none, the parents that the canonical blocks there name (none where there is a gap).
    """
    by_number = {block.number: block for block in blocks}
    found: set[int] = set()
    for number in sorted(by_number, reverse=True):
        above = by_number.get(number + 1)
        if above is None:
            named = children.get(number, ())
        else:
            # What is doubtful itself says nothing of what is below it.
            named = (above.parent_hash,) if above.number in found else ()
        if not named or by_number[number].block_hash in named:
            found.add(number)
    return frozenset(found)
