"""A chain whose canonical branch a test can extend, fork and switch; every header verifies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import orjson

from headwater.errors import Fatal
from headwater.evm.header import header_hash
from sandbox.node.answers import BlockAnswers, Chain, Json, Part, answers_from_json
from sandbox.node.synthetic import Content, synthetic_block

Source = Callable[[int, str, int], Content]
"""(number, parent hash, salt) → a block of that height; the salt tells branches apart."""


def from_chain(chain: Chain, *, traces: bool = True) -> Source:
    """Return a source that takes block contents from a recorded or looped chain, its `traces` or none.

    A block of another branch (salt > 0) keeps its transactions and is told apart by its extra data.
    """

    recorded: tuple[Part, ...] = ("block", "receipts", *(("calls", "flat") if traces else ()))

    def block(number: int, parent: str, salt: int) -> Content:
        found = chain.by_number(number)
        if found is None:
            raise Fatal(f"the chain behind has no block {number}", remedy="loop the recording further")
        parts: dict[Part, object] = {
            part: orjson.loads(body) for part in recorded if (body := found.part(part)) is not None
        }
        header = cast(Json, parts["block"])
        if salt:
            header["extraData"] = "0x" + f"fork {salt}".encode().hex()
        return relink(Content(header, parts.get("receipts"), parts.get("calls"), parts.get("flat")), parent)

    return block


def relink(content: Content, parent: str) -> Content:
    """Return the block on another parent: header hash recomputed and written wherever it stands."""
    header: Json = {**content.block, "parentHash": parent}
    old, new = str(content.block["hash"]), "0x" + header_hash(header).hex()
    header["hash"] = new

    def moved(value: object) -> object:
        if isinstance(value, list):
            return [moved(item) for item in value]
        if isinstance(value, dict):
            return {key: moved(item) for key, item in value.items()}
        return new if value == old else value

    header["transactions"] = moved(header["transactions"])
    return Content(header, moved(content.receipts), moved(content.calls), moved(content.flat))


@dataclass(frozen=True, slots=True)
class _Branch:
    """The canonical blocks in order of height."""

    blocks: tuple[BlockAnswers, ...]


class AdjustableChain:
    """A chain that starts with `length` blocks of `source` from `first` on; implements `Chain`.

    `synthetic()` and `over(chain)` are the usual ways to one. A block off the canonical branch answers
    null by hash, unless `keeps_orphans` (geth keeps them, anvil does not).
    """

    client = "headwater-recorded-node/adjustable"

    def __init__(
        self,
        source: Source,
        *,
        first: int,
        length: int,
        chain_id: int,
        parent: str,
        keeps_orphans: bool = False,
    ) -> None:
        self.chain_id = chain_id
        self.keeps_orphans = keeps_orphans
        self._source = source
        self._first = first
        self._parent = parent
        self._salt = 0
        self._known: dict[str, BlockAnswers] = {}
        self._listeners: list[Callable[[BlockAnswers], object]] = []
        self._branch = _Branch(())
        self.extend(length)

    @classmethod
    def synthetic(
        cls,
        length: int = 8,
        *,
        first: int = 1,
        chain_id: int = 31337,
        seed: int = 0,
        keeps_orphans: bool = False,
    ) -> "AdjustableChain":
        """Return a chain of small made-up blocks: token transfers, creations and reverts."""

        def source(number: int, parent: str, salt: int) -> Content:
            return synthetic_block(number, parent, chain_id=chain_id, seed=seed, salt=salt)

        parent = "0x" + "00" * 32
        return cls(
            source, first=first, length=length, chain_id=chain_id, parent=parent, keeps_orphans=keeps_orphans
        )

    @classmethod
    def over(
        cls, chain: Chain, length: int | None = None, *, keeps_orphans: bool = False, traces: bool = True
    ) -> "AdjustableChain":
        """Return an adjustable copy of the first `length` blocks of a chain (None: of all).

        It holds every block: without `traces` half as much of mainnet's.
        """
        first = chain.by_number(chain.first())
        assert first is not None
        count = chain.last() - chain.first() + 1 if length is None else length
        return cls(
            from_chain(chain, traces=traces),
            first=chain.first(),
            length=count,
            chain_id=chain.chain_id,
            parent=first.parent,
            keeps_orphans=keeps_orphans,
        )

    @property
    def tip(self) -> BlockAnswers:
        return self._branch.blocks[-1]

    @property
    def hashes(self) -> list[str]:
        """Hashes of the canonical blocks in order of height."""
        return [block.hash for block in self._branch.blocks]

    def listen(self, listener: Callable[[BlockAnswers], object]) -> None:
        """Call `listener` with each block that becomes canonical (`node.announce` for instance)."""
        self._listeners.append(listener)

    def extend(self, blocks: int = 1) -> list[BlockAnswers]:
        """Add blocks on the tip and return them."""
        return self._become(self._branch.blocks, blocks)

    def fork(self, depth: int, length: int | None = None) -> list[BlockAnswers]:
        """Replace the last `depth` blocks by `length` others (None: one more, so that it is longer)."""
        if not 0 < depth <= len(self._branch.blocks):
            raise Fatal(f"cannot fork {depth} deep a chain of {len(self._branch.blocks)} blocks")
        self._salt += 1
        return self._become(self._branch.blocks[:-depth], depth + 1 if length is None else length)

    def switch_to(self, hash: str) -> list[BlockAnswers]:
        """Make the branch that ends in a known block canonical, and return what became canonical."""
        branch: list[BlockAnswers] = []
        while hash in self._known:
            branch.append(self._known[hash])
            hash = branch[-1].parent
        if not branch:
            raise Fatal(f"no block {hash} was ever part of this chain")
        branch.reverse()
        before = set(self.hashes)
        self._adopt(branch, [block for block in branch if block.hash not in before])
        return [block for block in branch if block.hash not in before]

    def _become(self, kept: Sequence[BlockAnswers], count: int) -> list[BlockAnswers]:
        added: list[BlockAnswers] = []
        for number in range(self._first + len(kept), self._first + len(kept) + count):
            before = added[-1] if added else (kept[-1] if kept else None)
            content = self._source(number, before.hash if before else self._parent, self._salt)
            added.append(answers_from_json(content.block, content.receipts, content.calls, content.flat))
            self._known[added[-1].hash] = added[-1]
        self._adopt([*kept, *added], added)
        return added

    def _adopt(self, branch: Iterable[BlockAnswers], news: Iterable[BlockAnswers]) -> None:
        self._branch = _Branch(tuple(branch))  # one assignment: a serving thread sees the old or the new
        for block in news:
            for listener in self._listeners:
                listener(block)

    def first(self) -> int:
        return self._first

    def last(self) -> int:
        return self._first + len(self._branch.blocks) - 1

    def by_number(self, number: int) -> BlockAnswers | None:
        blocks = self._branch.blocks
        return blocks[number - self._first] if 0 <= number - self._first < len(blocks) else None

    def by_hash(self, hash: str) -> BlockAnswers | None:
        found = self._known.get(hash)
        if found is None or self.keeps_orphans or self.by_number(found.number) is found:
            return found
        return None

    def of_transaction(self, hash: str) -> BlockAnswers | None:
        return next((block for block in reversed(self._branch.blocks) if hash in block.transactions()), None)

    def recorded(self, method: str, params: bytes) -> bytes | None:
        return None

    def has(self, part: Part) -> bool:
        return any(block.part(part) is not None for block in self._branch.blocks[:1])
