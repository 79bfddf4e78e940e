"""Random lives of a chain for the tests of state, and the slow, obvious way to say what they end in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from headwater.evm.identity import EventIds
from streams.logic.state.facts import Content, Fact, head, tail
from streams.logic.state.fold import Change, Fold
from topics.chainlog.kinds import EventKind

CHAIN = 31337
FIRST = 1_000
STEPS = (
    "extend",
    "extend",
    "extend",
    "fork",
    "back",
    "safe",
    "final",
    "claim",
    "repair",
    "repair",
    "repair revert",
)


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


def fact(
    kind: EventKind,
    sequence: int,
    block: Block | None,
    *,
    fresh: bool = False,
    lost: bool = False,
    replaced: Block | None = None,
) -> Fact:
    """A fact with the content of its block, as the stage makes it for a block it does not know.

    `lost` leaves the content out: the block was in the dead letters. `replaced` is what a repair replaces.
    """
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
        content=block.content() if block is not None and kind.carries_block and not lost else None,
        replaced=None if replaced is None else replaced.content(),
    )


@st.composite
def lives(draw: st.DrawFn, steps: int = 20) -> list[Fact]:
    """What a listener may publish: blocks join, forks replace up to what is final, tags follow.

    Some blocks come without their content, and some are said again, at any depth, with the same content or
    another one.
    """
    chain: list[Block] = []
    facts = [fact(EventKind.CLAIM, FIRST, None)]
    safe = finalized = -1
    made = 0
    repeats = draw(st.booleans())

    def publish(kind: EventKind, block: Block | None, replaced: Block | None = None) -> None:
        lost = kind.moves_branch and draw(st.integers(0, 5)) == 0
        facts.append(fact(kind, FIRST + len(facts), block, lost=lost, replaced=replaced))

    def extend() -> None:
        nonlocal made
        made += 1
        # Few numbers, so that transactions of orphans come back in other blocks, and some chains have one in
        # two canonical blocks.
        chain.append(Block(len(chain), f"block {len(chain)} try {made}", pick(chain)))
        publish(EventKind.APPLY, chain[-1])

    def pick(others: Sequence[Block]) -> tuple[int, ...]:
        known = set() if repeats else {n for block in others for n in block.transactions}
        numbers = draw(st.lists(st.integers(0, 9), unique=True, max_size=4))
        return tuple(n for n in numbers if n not in known)

    def repair(kind: EventKind, blocks: list[Block]) -> None:
        place = draw(st.integers(0, len(blocks) - 1))
        old = blocks[place]
        if draw(st.booleans()):
            others = chain if kind is EventKind.REPAIR_REVERT else [*chain[:place], *chain[place + 1 :]]
            blocks[place] = replace(old, transactions=pick(others))
        gone = tuple(n for n in old.transactions if n not in blocks[place].transactions)
        told = replace(old, transactions=gone) if gone and draw(st.booleans()) else None
        publish(kind, blocks[place], told)

    orphans: list[Block] = []
    for _ in range(draw(st.integers(1, steps))):
        step = draw(st.sampled_from(STEPS))
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
        elif step == "repair" and chain:
            repair(EventKind.REPAIR, chain)
        elif step == "repair revert" and orphans:
            repair(EventKind.REPAIR_REVERT, orphans)
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

    Of two canonical blocks with one transaction the later one decides. A block's content is what was known of
    it first, from its beginning on, and what a repair says, from the repair on.
    """
    order = ("INCLUDED", "SAFE", "FINALIZED")
    states: dict[bytes, TransactionState] = {}
    canonical: list[tuple[Fact, str]] = []
    reverts: Counter[bytes] = Counter()
    log = sorted({one.sequence: one for one in facts}.values(), key=lambda one: one.sequence)
    held = _first_contents(log)
    for each in log:
        shown: dict[bytes, tuple[str, bytes | None]] = {}
        again: set[bytes] = set()
        own = each.hash or b""
        if each.kind == EventKind.APPLY:
            canonical.append((each, "INCLUDED"))
        elif each.kind == EventKind.REVERT:
            gone, _ = canonical.pop()
            assert gone.hash == each.hash
            reverts.update(held[own])
            shown = dict.fromkeys(held[own], ("REORGED", own))
        elif EventKind(each.kind).repairs:
            assert each.content is not None
            new = each.content.hashes()
            if each.kind == EventKind.REPAIR:
                shown = {name: ("REORGED", own) for name in held[own] if name not in new}
            else:
                shown = {name: ("REORGED", own) for name in new if name not in states}
            again = set(new) if each.kind == EventKind.REPAIR else {*new, *held[own]}
            held[own] = new
        elif each.kind in (EventKind.SAFE, EventKind.FINALIZED):
            tag = EventKind(each.kind).name
            canonical = [
                (block, max(state, tag, key=order.index) if block.number <= each.number else state)  # type: ignore[operator]
                for block, state in canonical
            ]
        for block, state in canonical:
            shown |= dict.fromkeys(held[block.hash or b""], (state, block.hash))
        for name in again - shown.keys():
            shown[name] = states[name].state, states[name].block
        for name, (state, holder) in shown.items():
            before = states.get(name)
            if before is None or (before.state, before.block) != (state, holder):
                previous = None if before is None else before.state
                assert holder is not None
                states[name] = TransactionState(state, previous, each.sequence, holder, reverts[name])
            elif name in again and holder == own:
                states[name] = replace(before, sequence=each.sequence, epoch=reverts[name])
            elif before.epoch != reverts[name]:
                states[name] = replace(before, epoch=reverts[name])
    return states


def _first_contents(log: Sequence[Fact]) -> dict[bytes, list[bytes]]:
    """What is known first of each block; what a first repair replaces was there before, too."""
    held: dict[bytes, list[bytes]] = {each.hash: [] for each in log if each.hash is not None}
    known: set[bytes] = set()
    for each in log:
        if each.hash is None or each.content is None or each.hash in known:
            continue
        known.add(each.hash)
        first = each.content if each.replaced is None else each.replaced
        held[each.hash] = first.hashes()
    return held


def plain(fold: Fold) -> dict[bytes, TransactionState]:
    """The state of each transaction that a fold holds."""
    return {
        name: TransactionState(
            state.current.state.name,
            None if state.previous is None else state.previous.state.name,
            state.current.sequence,
            block.hash,
            state.epoch,
        )
        for name, (block, state) in fold.states().items()
    }


def states_in(changes: list[Change]) -> dict[bytes, TransactionState]:
    """The states that changes say, by transaction."""
    return {
        change.content.hashes()[place]: TransactionState(
            change.state.current.state.name,
            None if change.state.previous is None else change.state.previous.state.name,
            change.state.current.sequence,
            change.block.hash,
            change.state.epoch,
        )
        for change in changes
        for place in change.places
    }
