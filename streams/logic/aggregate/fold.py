"""The fold: blocks join, leave and are said again; windows follow.

A pure function of the events in the order of their sequence; what is at or below the last one is ignored. A
block that leaves takes with it exactly what it gave, and nothing else is decided by that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from streams.logic.aggregate.decision import Decision
from streams.logic.aggregate.finality import collapse
from streams.logic.aggregate.input import Contribution
from streams.logic.aggregate.measures import CHAIN
from streams.logic.aggregate.windows import CLOSED, UNKNOWN, Block, Window, WindowKey, windows_of
from topics.chainlog.kinds import EventKind

FROM_THE_FIRST: Final = -1


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as the fold needs it. `contribution` None: the content of the block is not known."""

    kind: EventKind
    sequence: int
    number: int | None = None
    hash: bytes | None = None
    parent_hash: bytes | None = None
    timestamp: int | None = None
    contribution: Contribution | None = None


@dataclass(frozen=True, slots=True)
class Tip:
    """The last canonical block; hash and time are None where it was never seen."""

    number: int
    hash: bytes | None
    timestamp: int | None


class Fold:
    """`since`: windows that begin there or before may lack blocks.

    `final_until`: windows that end there or before are final, and forgotten.
    """

    def __init__(self) -> None:
        self.last: int | None = None
        self.tip: Tip | None = None
        self.since = FROM_THE_FIRST
        self.final_until = 0
        self.blocks: dict[bytes, Block] = {}
        self.windows: dict[WindowKey, Window] = {}

    def add(self, fact: Fact) -> Decision:
        """What an event causes; nothing at all when it is a repeat."""
        decision = Decision(fact.sequence)
        if self.last is not None and fact.sequence <= self.last:
            return decision
        self.last = fact.sequence
        number, timestamp = fact.number, fact.timestamp
        if number is None or fact.hash is None:
            return decision
        if fact.kind is EventKind.FINALIZED:
            self._finalize(number, fact.hash, timestamp, decision)
        elif timestamp is None:
            return decision
        elif fact.kind is EventKind.APPLY:
            known = fact.contribution is not None
            contribution = fact.contribution or UNKNOWN
            block = Block(fact.sequence, number, fact.hash, fact.parent_hash, timestamp, contribution, known)
            self._apply(block, decision)
        elif fact.kind is EventKind.REPAIR:
            self._repair(fact.hash, timestamp, fact.contribution, decision)
        elif fact.kind.removes:
            self._revert(fact, timestamp, decision)
        return decision

    def _apply(self, block: Block, decision: Decision) -> None:
        if block.hash in self.blocks:
            return
        self._watch(block, decision)
        self.tip = Tip(block.number, block.hash, block.timestamp)
        self.blocks[block.hash] = decision.blocks[block.hash] = block
        own = [self._window(key) for key in windows_of(block.timestamp) if not self._gone(key)]
        for key in windows_of(block.timestamp):
            if self._gone(key):
                decision.marks[key] = f"block {block.number} came when the window was final"
        for window in own:
            window.add(block)
        for window in self.windows.values():
            if window.end <= block.timestamp and window.slot < CLOSED:
                decision.scheduled(window, CLOSED)
        for window in own:
            slot = window.slot_of(block.timestamp)
            if slot > window.slot or window.slot == CLOSED:
                decision.scheduled(window, slot)

    def _watch(self, block: Block, decision: Decision) -> None:
        """A block that does not follow the one before leaves its windows, and that one's, incomplete."""
        tip = self.tip
        if tip is None:
            self.since = block.timestamp if block.number > 0 else FROM_THE_FIRST
            return
        if block.number == tip.number + 1 and (
            tip.hash is None or block.parent_hash is None or tip.hash == block.parent_hash
        ):
            return
        self.since = max(self.since, block.timestamp)
        earlier = block.timestamp if tip.timestamp is None else min(tip.timestamp, block.timestamp)
        for window in self.windows.values():
            if window.start <= self.since and window.end > earlier:
                self._break(window, decision)

    def _revert(self, fact: Fact, timestamp: int, decision: Decision) -> None:
        block = self.blocks.pop(fact.hash or b"", None)
        if fact.kind is EventKind.REVERT and self.tip is not None:
            before = self.blocks.get(fact.parent_hash or b"")
            time = None if before is None else before.timestamp
            self.tip = Tip((fact.number or 0) - 1, fact.parent_hash, time)
        if block is None:
            if fact.kind is EventKind.REVERT:
                self._unsure(timestamp, f"block {fact.number} left the chain after it was final", decision)
            return
        decision.blocks[block.hash] = None
        for key in windows_of(block.timestamp):
            window = self.windows.get(key)
            if window is None:
                decision.marks[key] = f"block {block.number}, which came late, left again"
                continue
            window.remove(block)
            decision.snapshot(window, block.contribution.entities)
            if window.empty:
                del self.windows[key]
                decision.windows[key] = None
            else:
                window.slot = min(window.slot, window.slot_of(block.timestamp) - 1)
                decision.windows[key] = window

    def _repair(
        self, hash_: bytes, timestamp: int, contribution: Contribution | None, decision: Decision
    ) -> None:
        if contribution is None:
            return  # The repair failed: what is known stands.
        before = self.blocks.get(hash_)
        if before is None:
            self._unsure(timestamp, "a block was repaired when it was final", decision)
            return
        block = replace(before, contribution=contribution, known=True)
        self.blocks[hash_] = decision.blocks[hash_] = block
        for key in windows_of(block.timestamp):
            window = self.windows.get(key)
            if window is None:
                decision.marks[key] = f"block {block.number} was repaired when the window was final"
                continue
            pending = hash_ in window.pending
            window.remove(before)
            window.add(block, pending=pending)
            decision.snapshot(window, {**before.contribution.entities, **contribution.entities})

    def _unsure(self, timestamp: int, reason: str, decision: Decision) -> None:
        """Something has changed of a block that has collapsed, or was never seen."""
        for key in windows_of(timestamp):
            window = self.windows.get(key)
            if window is not None:
                self._break(window, decision)
            elif self._gone(key):
                decision.marks[key] = reason

    def _break(self, window: Window, decision: Decision) -> None:
        if not window.broken:
            window.broken = True
            decision.windows[window.key] = window
            decision.snapshot(window, (CHAIN,))

    def _finalize(self, number: int, hash_: bytes, timestamp: int | None, decision: Decision) -> None:
        block = self.blocks.get(hash_)
        time = timestamp if block is None else block.timestamp
        if time is not None and time > self.final_until:
            self.final_until = time
            collapse(number, time, self.blocks, self.windows, decision)

    def _gone(self, key: WindowKey) -> bool:
        size, start = key
        return start + size <= self.final_until

    def _window(self, key: WindowKey) -> Window:
        window = self.windows.get(key)
        if window is None:
            window = self.windows[key] = Window(*key, broken=key[1] <= self.since)
        return window
