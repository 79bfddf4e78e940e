"""Events of blocks to the lives of transactions, in order of sequence."""

from __future__ import annotations

import heapq
from collections.abc import Collection

from audit.stream_check.algebra.branch import BranchKind
from audit.stream_check.states.life import Expected, Facts, HeldBlock, Life
from audit.stream_check.states.record import REORGED


class Lives:
    """Transactions by hash, blocks by hash."""

    def __init__(self) -> None:
        self.lives: dict[bytes, Life] = {}
        self.blocks: dict[bytes, HeldBlock] = {}
        self._by_height: list[tuple[int, bytes]] = []

    def take(self, facts: Facts) -> Expected:
        """What the event changes, and what its messages must be."""
        block = self.blocks.get(facts.block_hash)
        if block is None:
            block = self.blocks[facts.block_hash] = HeldBlock(facts.number, facts.block_hash)
            heapq.heappush(self._by_height, (facts.number, facts.block_hash))
        began = block.state
        self._hold(block, facts.included | facts.retracted)
        sure = facts.whole and facts.kind not in (BranchKind.BELOW, BranchKind.BROKEN)
        if not sure or (facts.kind is BranchKind.REVERT and began is None):
            self._unsure(block)
        match facts.kind:
            case BranchKind.APPLY | BranchKind.UNPROVEN:
                block.state = "INCLUDED"
                self._join(block, facts.included)
                states = dict.fromkeys(facts.included, "INCLUDED")
            case BranchKind.REVERT:
                block.state = None
                self._leave(block, facts.retracted, reverted=True)
                states = dict.fromkeys(facts.retracted, REORGED)
            case BranchKind.REPAIR:
                if began is None:
                    self._unsure(block)
                self._join(block, facts.included)
                self._leave(block, facts.retracted, reverted=False)
                states = dict.fromkeys(facts.included, block.state or "INCLUDED") | dict.fromkeys(
                    facts.retracted, REORGED
                )
            case BranchKind.REPAIR_REVERT:
                states = dict.fromkeys(facts.retracted, REORGED)
            case _:
                self._guess(block, facts)
                states = {}
        return Expected(states, sure and not block.unsure, facts.kind is not BranchKind.REPAIR_REVERT)

    def elsewhere(self, transactions: Collection[bytes]) -> set[bytes]:
        """Those that a block of the branch holds."""
        return {each for each in transactions if each in self.lives and self.lives[each].holders}

    def forget(self, below: int) -> list[bytes]:
        """Forget the blocks below a height; returns the transactions that are not known any more."""
        gone: list[bytes] = []
        while self._by_height and self._by_height[0][0] < below:
            block = self.blocks.pop(heapq.heappop(self._by_height)[1])
            for transaction in block.transactions:
                life = self.lives[transaction]
                life.known -= 1
                life.holders.discard(block.block_hash)
                if life.known == 0:
                    del self.lives[transaction]
                    gone.append(transaction)
        return gone

    def _hold(self, block: HeldBlock, transactions: Collection[bytes]) -> None:
        for transaction in transactions:
            if transaction not in block.transactions:
                block.transactions.add(transaction)
                life = self.lives.setdefault(transaction, Life())
                life.known += 1
                life.unsure = life.unsure or block.unsure

    def _join(self, block: HeldBlock, transactions: Collection[bytes]) -> None:
        for transaction in transactions:
            life = self.lives[transaction]
            life.holders.add(block.block_hash)
            # One hash in two blocks of the branch, which chains with that history have: who decides is not
            # judged.
            life.unsure = life.unsure or len(life.holders) > 1

    def _leave(self, block: HeldBlock, transactions: Collection[bytes], *, reverted: bool) -> None:
        for transaction in transactions:
            life = self.lives[transaction]
            life.holders.discard(block.block_hash)
            life.reverts += reverted

    def _unsure(self, block: HeldBlock) -> None:
        block.unsure = True
        for transaction in block.transactions:
            self.lives[transaction].unsure = True

    def _guess(self, block: HeldBlock, facts: Facts) -> None:
        """What is there after an event whose place is not known."""
        self._join(block, facts.included)
        self._leave(block, facts.retracted, reverted=False)
        if facts.included or facts.retracted:
            block.state = "INCLUDED" if facts.included else None
        self._unsure(block)
