"""What is published of a chain, and what a block seen on a node means for it.

Pure: the published branch from the finalized block up to the tip, and the rules of node-layer: APPLY in
parent-link order, REVERT from the tip down to the common ancestor, nothing below finality unasked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from connectors.evm.events import Head


@dataclass(frozen=True, slots=True)
class Link:
    """A published block: the messages of its newest content are in raw-blocks from `offset` to before `end`.

    `applied` is the offset of its APPLY, which has its content until a REPAIR brings it again.
    """

    head: Head
    offset: int
    end: int
    applied: int


@dataclass(frozen=True, slots=True)
class Ancestor:
    """The branch leaves the published one above this block; its height is `number`, `revert` blocks leave."""

    number: int
    revert: int


@dataclass(frozen=True, slots=True)
class Deeper:
    """The branch is not connected yet: the parent with this hash has to be looked at."""

    parent: bytes


@dataclass(frozen=True, slots=True)
class BelowStart:
    """The branch leaves below the first block ever published: all `revert` known blocks leave."""

    revert: int


@dataclass(frozen=True, slots=True)
class BelowFinalized:
    """The branch contradicts the finalized block: an operator has to decide."""

    finalized: Head


Meaning = Ancestor | Deeper | BelowStart | BelowFinalized


class PublishedBranch:
    """The published branch.

    `whole` is true while nothing was ever published below the first link. `floor` is the height where
    the chain begins for us, known once a block was published.
    """

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.floor: int | None = None
        self.finalized: Head | None = None
        self.safe: Head | None = None
        self._links: list[Link] = []
        self._numbers: dict[bytes, int] = {}

    @property
    def tip(self) -> Head | None:
        """The last block published, None when there is none."""
        return self._links[-1].head if self._links else None

    @property
    def bottom(self) -> Head | None:
        """The lowest block that is remembered, None when there is none."""
        return self._links[0].head if self._links else None

    @property
    def depth(self) -> int:
        """How many blocks are remembered."""
        return len(self._links)

    @property
    def first_offset(self) -> int | None:
        """Where in raw-blocks the lowest remembered block was applied: nothing from there on may go.

        Its content may stand further on, where it was repaired; a fold of the log needs the APPLY too.
        """
        return self._links[0].applied if self._links else None

    def at(self, number: int) -> Head | None:
        """The published block of a height, None when it is not remembered."""
        link = self.link_at(number)
        return None if link is None else link.head

    def link_at(self, number: int) -> Link | None:
        """The same with the place of its content."""
        if not self._links:
            return None
        index = number - self._links[0].head.number
        return self._links[index] if 0 <= index < len(self._links) else None

    def holds(self, hash: bytes) -> bool:
        """Whether a block is on the published branch, as far as it is remembered."""
        return hash in self._numbers

    def follows(self, head: Head) -> bool:
        """Whether a block may be applied now: it links to the tip, or nothing is published."""
        tip = self.tip
        if tip is None:
            return self.floor is None or head.number == self.floor
        return head.parent == tip.hash and head.number == tip.number + 1

    def meaning(self, oldest: Head) -> Meaning:
        """What a node's branch means, of which `oldest` is the lowest block known.

        Call it again with the parent while the answer is Deeper. A branch that ends below the tip on the
        published branch itself (a node that went back) is an Ancestor too.
        """
        tip = self.tip
        for hash_, number in ((oldest.hash, oldest.number), (oldest.parent, oldest.number - 1)):
            if self._numbers.get(hash_) == number:
                assert tip is not None
                return Ancestor(number, tip.number - number)
        if not self._links:
            return BelowStart(0)
        bottom = self._links[0].head
        if oldest.number > bottom.number:
            return Deeper(oldest.parent)
        if self.finalized is None and self.whole:
            return BelowStart(len(self._links))
        return BelowFinalized(self.finalized or bottom)

    def from_tip(self, count: int) -> Iterator[Link]:
        """The last `count` links, the tip first."""
        return iter(self._links[: -count - 1 : -1] if count else ())

    def applied(self, link: Link) -> None:
        """A block was published. Raises ValueError when it does not follow."""
        head = link.head
        if not self.follows(head):
            tip = self.tip
            raise ValueError(f"block {head.number} does not follow {tip.number if tip else self.floor}")
        if self.floor is None:
            self.floor = head.number
        self._links.append(link)
        self._numbers[head.hash] = head.number

    def reverted(self) -> Link:
        """The tip was taken back; returns it. Raises IndexError when nothing is published."""
        link = self._links.pop()
        self._left(link.head)
        # What an operator accepted below finality is final no more.
        if self.finalized is not None and self.finalized.number >= link.head.number:
            self.finalized = self._links[-1].head if self._links else None
        if self.safe is not None and self.safe.number >= link.head.number:
            self.safe = None
        return link

    def _left(self, head: Head) -> None:
        # A log of old may have one hash at two heights: it is of the later one.
        if self._numbers.get(head.hash) == head.number:
            del self._numbers[head.hash]

    def repaired(self, head: Head, offset: int, end: int) -> None:
        """A block's content was published again: where it is remembered, that is its content now."""
        number = self._numbers.get(head.hash)
        if number is not None:
            index = number - self._links[0].head.number
            self._links[index] = replace(self._links[index], offset=offset, end=end)

    def is_news(self, tag: Head, published: Head | None) -> bool:
        """Whether a safe or finalized block is worth an event: published, and higher than the last one."""
        return self.holds(tag.hash) and (published is None or tag.number > published.number)

    def moved_safe(self, head: Head) -> None:
        """SAFE was published."""
        self.safe = self.at(head.number) if self.holds(head.hash) else head

    def moved_finalized(self, head: Head) -> None:
        """FINALIZED was published: what is below it is forgotten."""
        self.finalized = head
        if not self.holds(head.hash):
            return
        self.finalized = self.at(head.number)
        below = head.number - self._links[0].head.number
        for link in self._links[:below]:
            self._left(link.head)
        if below:
            del self._links[:below]
            self.whole = False
