"""A branch beside a chain: the same heights from a common block on, other hashes, and all of them genuine."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sandbox.node.adjustable import from_chain
from sandbox.node.answers import BlockAnswers, Chain, Part, answers_from_json
from sandbox.node.resealed import resealed

RENDERED_BLOCKS: Final = 256


class ForkedChain:
    """The branch of `base` that leaves it above block `common`; implements `Chain`.

    It is as long as the chain. Its blocks are made when they are first asked for, each after those below.
    """

    def __init__(self, base: Chain, common: int, name: str) -> None:
        self.chain_id, self.client = base.chain_id, base.client
        self._base = base
        self._common = common
        self._name = name
        self._content = from_chain(base)
        parent = base.by_number(common)
        self._hashes = ["" if parent is None else parent.hash]
        self._numbers: dict[str, int] = {}
        self._rendered: OrderedDict[int, BlockAnswers] = OrderedDict()

    @property
    def leaves_the_chain(self) -> bool:
        """Whether the block that it has in common with the chain is that of the chain still."""
        common = self._base.by_number(self._common)
        return common is not None and common.hash == self._hashes[0]

    def first(self) -> int:
        return self._base.first()

    def last(self) -> int:
        return self._base.last()

    def has(self, part: Part) -> bool:
        return self._base.has(part)

    def recorded(self, method: str, params: bytes) -> bytes | None:
        return None if method == "eth_getLogs" else self._base.recorded(method, params)

    def by_number(self, number: int) -> BlockAnswers | None:
        if number <= self._common:
            return self._base.by_number(number)
        while len(self._hashes) <= number - self._common:
            if self._made(self._common + len(self._hashes)) is None:
                return None
        return self._made(number)

    def by_hash(self, hash: str) -> BlockAnswers | None:
        number = self._numbers.get(hash)
        if number is not None:
            return self.by_number(number)
        found = self._base.by_hash(hash)
        return found if found is not None and found.number <= self._common else None

    def of_transaction(self, hash: str) -> BlockAnswers | None:
        there = self._base.of_transaction(hash)
        found = None if there is None else self.by_number(there.number)
        return found if found is not None and hash in found.transactions() else None

    def _made(self, number: int) -> BlockAnswers | None:
        known = self._rendered.get(number)
        if known is not None:
            self._rendered.move_to_end(number)
            return known
        there = self._base.by_number(number)
        if there is None:
            return None
        content = resealed(
            self._content(number, there.parent, 0), self._hashes[number - 1 - self._common], self._name
        )
        made = answers_from_json(content.block, content.receipts, content.calls, content.flat)
        if number - self._common == len(self._hashes):
            self._hashes.append(made.hash)
        self._numbers[made.hash] = number
        self._rendered[number] = made
        if len(self._rendered) > RENDERED_BLOCKS:
            self._rendered.popitem(last=False)
        return made
