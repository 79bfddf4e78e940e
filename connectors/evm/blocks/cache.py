"""Whole blocks that were fetched and passed their checks, by hash: what a hash names never changes.

For what the listener fetches twice: the blocks of a branch that it turned to by height first, and those it
fetched before a write failed; of a height it asks a node which block that is. Repairs do not read it: whoever
asks for a block again wants it from a node.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from connectors.evm.events import Content, Head
from headwater.metrics import listener as metrics


class Whole(Protocol):
    """A block that passed its checks."""

    @property
    def head(self) -> Head: ...

    @property
    def content(self) -> Content: ...


W = TypeVar("W", bound=Whole)


@dataclass(frozen=True, slots=True)
class _Entry(Generic[W]):
    block: W
    at_head: bool
    size: int


class BlockCache(Generic[W]):
    """Up to `limit` bytes of answers, those used last; 0 keeps nothing."""

    def __init__(self, chain: str, limit: int) -> None:
        self._chain = chain
        self._limit = limit
        self._held: OrderedDict[bytes, _Entry[W]] = OrderedDict()
        self._heights: dict[int, bytes] = {}
        self.size = 0

    def get(self, hash: bytes, at_head: bool) -> W | None:
        """The block; None when it is not here, or was checked as an old one and counts as at the head."""
        entry = self._held.get(hash)
        found = entry is not None and (entry.at_head or not at_head)
        metrics.BLOCK_CACHE.labels(self._chain, "hit" if found else "miss").inc()
        if entry is None or not found:
            return None
        self._held.move_to_end(hash)
        return entry.block

    def at(self, number: int) -> bytes | None:
        """Hash of the block of a height that came last, if it is here; a node may have another one by now."""
        return self._heights.get(number)

    def put(self, block: W, at_head: bool) -> None:
        """Hold a block, and release those used longest ago for it."""
        head, size = block.head, _size(block.content)
        if head.hash in self._held:
            self._release(self._held.pop(head.hash))
        if size <= self._limit:
            self._held[head.hash] = _Entry(block, at_head, size)
            self._heights[head.number] = head.hash
            self.size += size
        while self.size > self._limit:
            self._release(self._held.popitem(last=False)[1])
        metrics.BLOCK_CACHE_BYTES.labels(self._chain).set(self.size)

    def _release(self, entry: _Entry[W]) -> None:
        self.size -= entry.size
        head = entry.block.head
        if self._heights.get(head.number) == head.hash:
            del self._heights[head.number]


def _size(content: Content) -> int:
    return len(content.block) + len(content.receipts) + len(content.traces or b"")
