"""Which known blocks hold a transaction, or once held it: nearly always one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.logic.state.block import BlockLife


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
        for transaction in block.held():
            first = only.setdefault(transaction, block)
            if first is block:
                continue
            self._several.setdefault(transaction, [first]).append(block)
            block.elsewhere.add(transaction)
            first.elsewhere.add(transaction)

    def remove(self, block: BlockLife) -> None:
        """Take a block's transactions out again."""
        for transaction in block.held():
            if transaction not in block.elsewhere:
                del self._only[transaction]
                continue
            blocks = self._several[transaction]
            blocks.remove(block)
            self._only[transaction] = blocks[0]
            if len(blocks) == 1:
                del self._several[transaction]
                blocks[0].elsewhere.discard(transaction)
        block.elsewhere.clear()
