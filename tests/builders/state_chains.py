"""Random lives of a chain for the tests of state, and the slow, obvious way to say what they end in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from headwater.evm.identity import EventIds
from streams.logic.state.facts import Content, Fact, head, tail
from topics.chainlog.kinds import EventKind

CHAIN = 31337
FIRST = 1_000


def block_hash(name: str) -> bytes:
    """A hash of 32 bytes from a name."""
    return hashlib.blake2b(name.encode(), digest_size=32).digest()


@dataclass(frozen=True)
class Block:
    """A block of the test's chain: its transactions are numbers."""

    number: int
    name: str
    transactions: tuple[int, ...]

    @property
    def hash(self) -> bytes:
        return block_hash(self.name)

    def content(self) -> Content:
        ids = EventIds(CHAIN, self.hash)
        places = list(enumerate(self.transactions))
        return Content(
            tuple(head(ids, place, transaction(n), bytes(20), n) for place, n in places),
            tuple(tail(place, n % 2, 21_000, "7") for place, n in places),
        )


def transaction(number: int) -> bytes:
    """The hash of a transaction."""
    return block_hash(f"transaction {number}")


def fact(kind: EventKind, sequence: int, block: Block | None, *, fresh: bool = False) -> Fact:
    """A fact with the content of its block, as the stage makes it for a block it does not know."""
    return Fact(
        kind=int(kind),
        chain_id=CHAIN,
        sequence=sequence,
        number=None if block is None else block.number,
        hash=None if block is None else block.hash,
        timestamp=None if block is None else block.number * 1_000,
        observed_at=sequence,
        source="node",
        fresh=fresh,
        content=block.content()
        if block is not None and kind in (EventKind.APPLY, EventKind.REVERT)
        else None,
    )


@st.composite
def lives(draw: st.DrawFn, steps: int = 20) -> list[Fact]:
    """What a listener may publish: blocks join, forks replace up to what is final, tags follow."""
    chain: list[Block] = []
    facts = [fact(EventKind.CLAIM, FIRST, None)]
    safe = finalized = -1
    made = 0
    repeats = draw(st.booleans())

    def publish(kind: EventKind, block: Block | None) -> None:
        facts.append(fact(kind, FIRST + len(facts), block))

    def extend() -> None:
        nonlocal made
        made += 1
        # Few numbers, so that transactions of orphans come back in other blocks, and some chains have one in
        # two canonical blocks.
        known = set() if repeats else {n for block in chain for n in block.transactions}
        numbers = draw(st.lists(st.integers(0, 9), unique=True, max_size=4))
        picked = tuple(n for n in numbers if n not in known)
        chain.append(Block(len(chain), f"block {len(chain)} try {made}", picked))
        publish(EventKind.APPLY, chain[-1])

    orphans: list[Block] = []
    for _ in range(draw(st.integers(1, steps))):
        step = draw(st.sampled_from(("extend", "extend", "extend", "fork", "back", "safe", "final", "claim")))
        if step == "extend":
            extend()
        elif step == "fork" and len(chain) - 1 > finalized:
            depth = draw(st.integers(1, min(4, len(chain) - 1 - finalized)))
            for _ in range(depth):
                orphans.append(chain.pop())
                publish(EventKind.REVERT, orphans[-1])
            safe = min(safe, len(chain) - 1)
            for _ in range(draw(st.integers(0, depth + 1))):
                extend()
        elif step == "back" and orphans and orphans[-1].number == len(chain):
            again = orphans.pop()
            if repeats or not {n for block in chain for n in block.transactions} & set(again.transactions):
                chain.append(again)
                publish(EventKind.APPLY, again)
        elif step == "safe" and len(chain) - 1 > safe:
            safe = draw(st.integers(max(safe, 0), len(chain) - 1))
            publish(EventKind.SAFE, chain[safe])
        elif step == "final" and len(chain) - 1 > finalized:
            finalized = draw(st.integers(max(finalized, 0), len(chain) - 1))
            publish(EventKind.FINALIZED, chain[finalized])
        elif step == "claim":
            publish(EventKind.CLAIM, None)
    return facts


@dataclass(frozen=True)
class TransactionState:
    """A transaction's state in plain words."""

    state: str
    previous: str | None
    sequence: int
    block: bytes
    epoch: int


def replay(facts: Sequence[Fact]) -> dict[bytes, TransactionState]:
    """The last state of each transaction, by walking the whole log in order: no index, no cleverness.

    Of two canonical blocks with one transaction the later one decides.
    """
    order = ("INCLUDED", "SAFE", "FINALIZED")
    states: dict[bytes, TransactionState] = {}
    canonical: list[tuple[Fact, str]] = []
    reverts: Counter[bytes] = Counter()
    for each in sorted({one.sequence: one for one in facts}.values(), key=lambda one: one.sequence):
        shown: dict[bytes, tuple[str, bytes | None]] = {}
        if each.kind == EventKind.APPLY:
            canonical.append((each, "INCLUDED"))
        elif each.kind == EventKind.REVERT:
            gone, _ = canonical.pop()
            assert gone.hash == each.hash
            reverts.update(_hashes(gone))
            shown = dict.fromkeys(_hashes(gone), ("REORGED", gone.hash))
        elif each.kind in (EventKind.SAFE, EventKind.FINALIZED):
            tag = EventKind(each.kind).name
            canonical = [
                (block, max(state, tag, key=order.index) if block.number <= each.number else state)  # type: ignore[operator]
                for block, state in canonical
            ]
        for block, state in canonical:
            shown |= dict.fromkeys(_hashes(block), (state, block.hash))
        for name, (state, holder) in shown.items():
            before = states.get(name)
            if before is None or (before.state, before.block) != (state, holder):
                previous = None if before is None else before.state
                assert holder is not None
                states[name] = TransactionState(state, previous, each.sequence, holder, reverts[name])
            elif before.epoch != reverts[name]:
                states[name] = replace(before, epoch=reverts[name])
    return states


def _hashes(block: Fact) -> list[bytes]:
    assert block.content is not None
    return block.content.hashes()
