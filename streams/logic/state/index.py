"""Which known blocks hold a transaction: nearly always one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streams.logic.state.history import BlockLife


class TransactionIndex:
    """An index in memory, by transaction hash. Marks in each block the transactions it shares."""

    def __init__(self) -> None:
        self._only: dict[bytes, BlockLife] = {}
        self._several: dict[bytes, list[BlockLife]] = {}

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._only)

    def of(self, transaction: bytes) -> Sequence[BlockLife]:
        """The blocks that hold a transaction."""
        return self._several.get(transaction) or (self._only[transaction],)

    def add(self, block: BlockLife) -> None:
        """Enter a block's transactions."""
        only = self._only
        for transaction, place in _first_places(block):
            first = only.setdefault(transaction, block)
            if first is block:
                continue
            blocks = self._several.setdefault(transaction, [first])
            blocks.append(block)
            block.elsewhere.add(place)
            if len(blocks) == 2:
                first.elsewhere.add(first.transactions.index(transaction))

    def remove(self, block: BlockLife) -> None:
        """Take a block's transactions out again."""
        for transaction, place in _first_places(block):
            if place not in block.elsewhere:
                del self._only[transaction]
                continue
            blocks = self._several[transaction]
            blocks.remove(block)
            self._only[transaction] = blocks[0]
            if len(blocks) == 1:
                del self._several[transaction]
                blocks[0].elsewhere.discard(blocks[0].transactions.index(transaction))
        block.elsewhere.clear()


def _first_places(block: BlockLife) -> Iterable[tuple[bytes, int]]:
    """Each transaction of a block with its place; with the first one where a chain lists it twice."""
    places: dict[bytes, int] = {}
    for place, transaction in enumerate(block.transactions):
        places.setdefault(transaction, place)
    return places.items()
