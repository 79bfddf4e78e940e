"""The fold: facts in, changed transaction states out. What it knows is a function of the set of facts.

Facts may come in any order and any number of times: each is kept once, by its sequence, and every answer
is computed from what is kept. The order in which a chain's events really come only makes it cheap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streams.logic.state.block import BlockLife
from streams.logic.state.facts import Content, Fact
from streams.logic.state.history import LifeState, Transition, told_once
from streams.logic.state.index import TransactionIndex
from streams.logic.state.merge import merged
from streams.logic.state.tags import Tags
from topics.chainlog.kinds import EventKind

GRACE_BLOCKS: Final = 64
"""Finalized blocks stay this many more: a fork that an operator accepts finds them, late facts too."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of transactions of one block; `epoch` is the number of REVERTs that touched them."""

    current: Transition
    previous: Transition | None
    epoch: int

    @property
    def retracts(self) -> int | None:
        """The version that a REORGED state withdraws."""
        if self.current.state is LifeState.REORGED and self.previous is not None:
            return self.previous.version
        return None


@dataclass(frozen=True, slots=True)
class Change:
    """Transactions of a block, by their places in its content or in an earlier one, that share a state."""

    block: BlockLife
    content: Content
    places: Sequence[int]
    state: State


class Fold:
    """The facts since the pruned sequence, and the indexes that answer quickly."""

    def __init__(self, grace_blocks: int = GRACE_BLOCKS, *, pruned: int = -1) -> None:
        self._grace = grace_blocks
        self._facts: dict[int, Fact] = {}
        self._blocks: dict[bytes, BlockLife] = {}
        self._open: dict[bytes, BlockLife] = {}  # canonical and not finalized
        self._unsafe: dict[bytes, BlockLife] = {}  # those of them that a SAFE behind all facts decides
        self._histories: dict[BlockLife, list[Transition]] = {}  # as of the last change
        self._newest = -1
        self._index = TransactionIndex()
        self._tags = {EventKind.SAFE: Tags(), EventKind.FINALIZED: Tags()}
        self._pruned = pruned  # facts at or below are ignored: what they decided is terminal

    @property
    def last(self) -> int | None:
        """The highest sequence taken in."""
        return max(self._facts, default=None)

    @property
    def blocks(self) -> int:
        """Number of blocks held."""
        return len(self._blocks)

    def knows(self, block_hash: bytes) -> bool:
        """True when the transactions of a block are here."""
        block = self._blocks.get(block_hash)
        return block is not None and block.content is not None

    def holds(self, block_hash: bytes) -> frozenset[bytes] | None:
        """The transactions of a block, none while they are not known; None for a block never heard of."""
        block = self._blocks.get(block_hash)
        return None if block is None else frozenset(block.transactions)

    def contradicts(self, tag: Fact) -> bool:
        """True when a tag names a block that is not canonical here; False where nothing is known."""
        block = self._blocks.get(tag.hash or b"")
        if block is None:
            return any(other.number == tag.number for other in self._open.values())
        transitions = self._history(block)
        return bool(transitions) and transitions[-1].state is LifeState.REORGED

    def add(self, fact: Fact) -> list[Change]:
        """Take a fact in and give the states that it decided; nothing for a fact seen before."""
        last = self._newest
        if not self._note(fact):
            return []
        block = self._blocks.get(fact.hash or b"") if fact.is_block else None
        touched = {} if block is None else {block: None}  # asked for each transaction of several blocks
        if fact.is_tag and fact.number is not None:
            # What is safe stays so whatever becomes safe behind it: without finality that is nearly all.
            alike = fact.event is not EventKind.SAFE or fact.sequence < last
            blocks = self._open if alike else self._unsafe
            touched = {block: None for block in blocks.values() if block.number <= fact.number}
        return [change for block in touched for change in self._changes(block, fact.sequence, touched)]

    def restore(self, facts: Iterable[Fact]) -> None:
        """Take facts in whose changes were told before: nothing is decided, but what stands in the end."""
        for fact in facts:
            self._note(fact)
        for block in self._blocks.values():
            self._stand(block)

    def states(self) -> dict[bytes, tuple[BlockLife, State]]:
        """The state of every transaction held, with the block it speaks of."""
        found = {}
        for transaction in self._index:
            block, state = self._merged(transaction)
            if state is not None:
                found[transaction] = (block, state)
        return found

    def prunable(self) -> list[int]:
        """The sequences that may go: from the oldest on, while they concern nothing that can change."""
        tag = self._tags[EventKind.FINALIZED].latest()
        if tag is None or tag.number is None:
            return []
        old: list[int] = []
        for sequence in sorted(self._facts):
            number = self._facts[sequence].number
            if sequence == tag.sequence or (number is not None and number > tag.number - self._grace):
                break
            old.append(sequence)
        return old

    def forget(self, sequences: Iterable[int]) -> None:
        """Drop facts that `prunable` gave."""
        self._histories.clear()
        for sequence in sequences:
            fact = self._facts.pop(sequence)
            self._pruned = max(self._pruned, sequence)
            block = self._blocks.get(fact.hash or b"") if fact.is_block else None
            if block is None:
                continue
            block.facts.remove(fact)
            if fact.content is not None:
                self._settle(block)
            if not block.facts:
                del self._blocks[block.hash]
                self._open.pop(block.hash, None)
                self._unsafe.pop(block.hash, None)
        for tags in self._tags.values():
            tags.forget(self._pruned)

    def _note(self, fact: Fact) -> bool:
        """Take a fact in and decide nothing; False for one seen before."""
        if fact.sequence <= self._pruned or fact.sequence in self._facts:
            return False
        self._histories.clear()
        self._newest = max(self._newest, fact.sequence)
        self._facts[fact.sequence] = fact
        if fact.is_block and fact.hash is not None and fact.number is not None:
            self._take(fact, fact.hash, fact.number)
        elif fact.is_tag and fact.number is not None:
            self._tags[fact.event].add(fact)
        return True

    def _take(self, fact: Fact, block_hash: bytes, number: int) -> None:
        block = self._blocks.get(block_hash)
        if block is None:
            block = self._blocks[block_hash] = BlockLife(block_hash, number, fact.timestamp)
        block.add(fact)
        if fact.content is not None:
            self._settle(block)

    def _settle(self, block: BlockLife) -> None:
        self._index.remove(block)
        block.settle()
        self._index.add(block)

    def _history(self, block: BlockLife) -> list[Transition]:
        found = self._histories.get(block)
        if found is None:
            found = block.history(self._tags[EventKind.SAFE], self._tags[EventKind.FINALIZED])
            self._histories[block] = found
        return found

    def _history_of(self, block: BlockLife, transaction: bytes) -> list[Transition]:
        return block.history_of(transaction, self._history(block))

    def _stand(self, block: BlockLife) -> list[Transition]:
        """Note whether tags decide about the block; the states it came to."""
        transitions = self._history(block)
        state = transitions[-1].state if transitions else LifeState.REORGED
        if state in (LifeState.INCLUDED, LifeState.SAFE):
            self._open[block.hash] = block
        else:
            self._open.pop(block.hash, None)
        # A transaction that a repair brought may be behind its block.
        if state is LifeState.INCLUDED or (state is LifeState.SAFE and block.eras):
            self._unsafe[block.hash] = block
        else:
            self._unsafe.pop(block.hash, None)
        return transitions

    def _changes(self, block: BlockLife, sequence: int, touched: Collection[BlockLife]) -> list[Change]:
        """What the event with this sequence decided for a block, one of those that it `touched`."""
        transitions = self._stand(block)
        changes: list[Change] = []
        alone: Sequence[int] = range(len(block.transactions))
        if block.eras or block.elsewhere:
            apart = block.held() if block.eras else block.elsewhere
            for transaction in (each for each in block.held() if each in apart):
                holder, state = self._merged(transaction)
                if state is None or state.current.sequence != sequence:
                    continue
                # Of another block when this one left the chain; what is touched itself has its own turn.
                if holder is block or holder not in touched:
                    content, index = holder.location_of(transaction)
                    changes.append(Change(holder, content, (index,), state))
            alone = [place for place in alone if block.transactions[place] not in apart]
        if alone and block.content is not None and transitions and transitions[-1].sequence == sequence:
            state = _latest(told_once(transitions), block.reverts)
            changes.append(Change(block, block.content, alone, state))
        return changes

    def _merged(self, transaction: bytes) -> tuple[BlockLife, State | None]:
        """The state of one transaction, with the block it speaks of, from all blocks that hold it."""
        holders = self._index.of(transaction)
        epoch = sum(block.reverts_of(transaction) for block in holders)
        shown = merged({block: self._history_of(block, transaction) for block in holders})
        if not shown:
            return holders[0], None
        block = shown[-1][0]
        return block, _latest([transition for _, transition in shown], epoch)


def _latest(transitions: Sequence[Transition], epoch: int) -> State:
    return State(transitions[-1], transitions[-2] if len(transitions) > 1 else None, epoch)
