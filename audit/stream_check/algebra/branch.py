"""The canonical branch as a consumer follows it: what an event does to it, in order of sequence."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

REMEMBERED: Final = 100_000
"""Blocks of the branch that are known by name: a few megabytes, and deeper than chains fork."""

PROOF: Final = 64
"""Blocks that join one after the other where the beginning is unknown: then they are taken for new ones."""


class BranchKind(Enum):
    """What an event is to the branch.

    BELOW: of a block below all that is remembered; either repair. UNPROVEN: it follows the tip, which may be
    a repair's, and then so may it be.
    """

    APPLY = "apply"
    UNPROVEN = "unproven"
    REVERT = "revert"
    REPAIR = "repair"
    REPAIR_REVERT = "repair-revert"
    BELOW = "below"
    BROKEN = "broken"

    @property
    def may_repair(self) -> bool:
        """May it say again, with another content, what stands?"""
        return self in (BranchKind.REPAIR, BranchKind.BELOW, BranchKind.UNPROVEN)


class Named(NamedTuple):
    """A block's height and hash."""

    number: int
    block_hash: bytes

    def __str__(self) -> str:
        return f"block {self.number} (0x{self.block_hash.hex()[:10]}…)"


class Step(NamedTuple):
    """What an event is, and for a BROKEN one why. `missing`: a block of which an event must be missing."""

    kind: BranchKind
    problem: str = ""
    missing: bytes = b""


class Branch:
    """Begins with the first event that it is given, whatever that is; it may be a repair of any block.

    Unless `whole`, where that is the first event of the chain, the beginning is unproven: blocks that are
    repaired in turn, as a replay of a range does it, join one another like new ones. So an event above a gap
    is a new beginning, and both are BELOW, until `PROOF` blocks have joined or one of them was taken back,
    which only the tip can be.
    """

    def __init__(self, *, whole: bool = True, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._unproven_blocks = 0 if whole else PROOF
        self._any_applied = False
        self._names: deque[Named] = deque()
        self._heights: dict[bytes, int] = {}
        self.beginnings = 0
        """How often it began; what was known of blocks before the latest is void."""

    @property
    def tip(self) -> Named | None:
        """The highest block, None before the first event."""
        return self._names[-1] if self._names else None

    @property
    def unproven(self) -> bool:
        """May blocks that joined have been repaired, and not new?"""
        return self._unproven_blocks > 0

    def __contains__(self, block_hash: bytes) -> bool:
        return block_hash in self._heights

    def apply(self, block: Named, parent_hash: bytes, *, removed: bool) -> Step:
        """Take an event in. After a BROKEN one the branch is what a consumer has who believes it."""
        parent = Named(block.number - 1, parent_hash)
        if not self._names:
            return self._begin(block, parent, removed=removed)
        tip, any_applied = self._names[-1], self._any_applied
        step = self._revert(block, parent) if removed else self._join(block, parent)
        if self._unproven_blocks:
            gap = step.kind is BranchKind.BROKEN and block.number > tip.number + 1
            # Where only removals were seen, nothing is known to be on the branch.
            nothing_applied = not any_applied and step.kind in (BranchKind.BROKEN, BranchKind.BELOW)
            if gap or nothing_applied:
                return self._begin(block, parent, removed=removed)
            if step.kind is BranchKind.APPLY:
                self._unproven_blocks -= 1
            elif step.kind is BranchKind.REVERT and any_applied:
                self._unproven_blocks = 0
        self._any_applied = self._any_applied or not removed
        return step

    def _begin(self, block: Named, parent: Named, *, removed: bool) -> Step:
        self._names.clear()
        self._heights.clear()
        self.beginnings += 1
        self._any_applied = not removed
        self._push(parent)
        if not removed:
            self._push(block)
        if self._unproven_blocks:
            self._unproven_blocks = PROOF
            return Step(BranchKind.BELOW)
        return Step(BranchKind.REVERT if removed else BranchKind.APPLY)

    def _join(self, block: Named, parent: Named) -> Step:
        tip = self._names[-1]
        if parent == tip:
            self._push(block)
            return Step(BranchKind.APPLY)
        if block.block_hash in self._heights:
            if self._heights[block.block_hash] == block.number:
                if parent.block_hash not in self._heights:
                    self._fill(parent)
                return Step(BranchKind.REPAIR)
            return Step(BranchKind.BROKEN, f"it is on the branch at height {self._heights[block.block_hash]}")
        if block.number < self._names[0].number:
            return Step(BranchKind.BELOW)
        known = self._heights.get(parent.block_hash) == parent.number
        if self._gap(block.number) is not None and (known or self._gap(parent.number) is not None):
            # Its own event is missing, and so is that of the block above it, which was reported then.
            self._fill(parent)
            self._fill(block)
            return Step(BranchKind.REPAIR)
        if known:
            left = tip.number - parent.number
            problem = (
                f"it joins at its parent while the tip is {tip}: a consumer keeps {left} blocks above the "
                "parent that nothing took back"
            )
            missing = tip.block_hash
        else:
            problem = (
                f"its parent 0x{parent.block_hash.hex()} is not the tip, {tip}: a consumer has a hole, or "
                "two blocks at one height (a listener that began a new numbering leaves this too)"
            )
            missing = parent.block_hash
        self._cut(parent)
        self._push(block)
        return Step(BranchKind.BROKEN, problem, missing)

    def _revert(self, block: Named, parent: Named) -> Step:
        tip = self._names[-1]
        if block == tip:
            self._pop()
            below = self._names[-1] if self._names else None
            self._cut(parent)
            if below is None or below == parent or below.number < parent.number:
                return Step(BranchKind.REVERT)
            return Step(
                BranchKind.BROKEN,
                f"it names 0x{parent.block_hash.hex()} as its parent, the block below it is {below}: a "
                "consumer that goes back by parents has another branch",
            )
        if block.block_hash in self._heights:
            left = tip.number - block.number
            self._cut(parent)
            problem = (
                f"it is taken back while the tip is {tip}: a consumer keeps {left} blocks above it "
                "that nothing took back"
            )
            return Step(BranchKind.BROKEN, problem, tip.block_hash)
        if block.number < self._names[0].number:
            return Step(BranchKind.BELOW)
        return Step(BranchKind.REPAIR_REVERT)

    def _gap(self, number: int) -> int | None:
        """Where in the branch a block of this height lacks, None where none does."""
        above = 0
        for name in reversed(self._names):
            if name.number <= number:
                break
            above += 1
        at = len(self._names) - above
        return at if above and at and self._names[at - 1].number != number else None

    def _fill(self, block: Named) -> None:
        if (at := self._gap(block.number)) is not None:
            self._names.insert(at, block)
            self._heights[block.block_hash] = block.number

    def _push(self, block: Named) -> None:
        self._names.append(block)
        self._heights[block.block_hash] = block.number
        if len(self._names) > self._remembered:
            self._heights.pop(self._names.popleft().block_hash, None)

    def _pop(self) -> None:
        self._heights.pop(self._names.pop().block_hash, None)

    def _cut(self, top: Named) -> None:
        """Make a block the tip, which is known by name at least; blocks right below it may lack."""
        while self._names and self._names[-1] != top and self._names[-1].number >= top.number:
            self._pop()
        if not self._names or self._names[-1] != top:
            self._push(top)
