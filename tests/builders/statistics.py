"""Random lives of a chain for the tests of statistics, and the slow, obvious way to count them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from streams.logic.aggregate.decision import Decision
from streams.logic.aggregate.fold import Fact
from streams.logic.aggregate.input import Contribution
from streams.logic.aggregate.measures import CHAIN, CONTRACT, TOKEN, BaseFees, Measures
from streams.logic.aggregate.windows import SIZES, WindowKey
from topics.chainlog.kinds import EventKind

FIRST = 1_000
Published = dict[tuple[WindowKey, bytes], tuple[int, Measures | None, bool, bool, BaseFees | None]]
"""(window, entity) → sequence, measures, complete, final and base fees of the latest snapshot."""


def hash_of(name: str) -> bytes:
    """32 bytes from a name."""
    return hashlib.blake2b(name.encode(), digest_size=32).digest()


@dataclass(frozen=True)
class Block:
    """A block of the test's chain. `gives` None: its content is in the dead letters."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int
    gives: Contribution | None


def fact(kind: EventKind, sequence: int, block: Block | None) -> Fact:
    """The fact that an event about a block is."""
    if block is None:
        return Fact(kind, sequence)
    carried = block.gives if kind.carries_block and not kind.removes else None
    return Fact(kind, sequence, block.number, block.hash, block.parent, block.timestamp, carried)


def keep(held: Published, decision: Decision) -> None:
    """A reader applies what goes out."""
    for snapshots in decision.snapshots():
        for entity, measures in snapshots.entities.items():
            fees = snapshots.base_fees if entity == CHAIN else None
            held[snapshots.window, entity] = (
                decision.sequence,
                measures,
                snapshots.complete,
                snapshots.final,
                fees,
            )


ENTITIES = (TOKEN + b"\x01" * 20, TOKEN + b"\x02" * 20, CONTRACT + b"\x01" * 20)


def _contribution(chance: random.Random) -> Contribution:
    """What a block gives: big amounts and small ones, and often nothing but itself."""
    fee = chance.randrange(10**12)
    entities: dict[bytes, Measures] = {CHAIN: (1, *(chance.randrange(6) for _ in range(10)))}
    for entity in chance.sample(ENTITIES, chance.randrange(3)):
        amount = chance.choice((0, 1, 2**255, 2**256 - 1))
        entities[entity] = (chance.randint(1, 3), amount, chance.randrange(6), chance.randrange(6))
    return Contribution(entities, chance.choice((None, BaseFees(fee, fee, fee, 1))))


GIVEN = tuple(_contribution(random.Random(seed)) for seed in range(12))
"""What blocks may give: drawn one by one they would take most of a test's time."""


@st.composite
def lives(draw: st.DrawFn, *, repairs: bool = False, steps: int = 25) -> list[Fact]:
    """What a listener may publish, block times from seconds to most of an hour apart."""
    start = draw(st.sampled_from((0, 7)))
    time = 1_700_000_000_000 + draw(st.integers(0, 3_600)) * 1_000
    chain = [Block(start - 1, hash_of("root"), hash_of("none"), time, None)]
    facts: list[Fact] = []
    finalized = start - 1

    def publish(kind: EventKind, block: Block | None) -> None:
        facts.append(fact(kind, FIRST + len(facts), block))

    publish(EventKind.CLAIM, None)
    kinds = ("extend",) * 6 + ("fork", "final", "claim") + (("repair",) if repairs else ())
    for step in range(draw(st.integers(5, steps))):
        what = draw(st.sampled_from(kinds))
        unfinal = len([each for each in chain[1:] if each.number > finalized])
        if what == "extend" or (what == "fork" and not unfinal):
            time = chain[-1].timestamp + draw(st.sampled_from((0, 1, 2, 7, 12, 59, 61, 700, 3_000))) * 1_000
            gives = draw(st.sampled_from((*GIVEN, None)))
            parent = chain[-1]
            chain.append(Block(parent.number + 1, hash_of(f"{step}"), parent.hash, time, gives))
            publish(EventKind.APPLY, chain[-1])
        elif what == "fork":
            for _ in range(draw(st.integers(1, unfinal))):
                publish(EventKind.REVERT, chain.pop())
        elif what == "final" and unfinal:
            finalized = draw(st.integers(finalized + 1, chain[-1].number))
            publish(EventKind.FINALIZED, next(each for each in chain if each.number == finalized))
        elif what == "claim":
            publish(EventKind.CLAIM, None)
        elif what == "repair" and len(chain) > 1:
            place = draw(st.integers(1, len(chain) - 1))
            repaired = replace(chain[place], gives=draw(st.sampled_from(GIVEN)))
            chain[place] = repaired
            publish(EventKind.REPAIR, repaired)
    return facts


def recount(facts: Iterable[Fact]) -> dict[tuple[WindowKey, bytes], tuple[Measures, BaseFees | None]]:
    """(window, entity) → measures and the chain's base fees, of the blocks that stand at the end."""
    standing: dict[bytes, Fact] = {}
    for each in facts:
        if each.kind is EventKind.APPLY or (each.kind is EventKind.REPAIR and each.hash in standing):
            standing[each.hash or b""] = each
        elif each.kind is EventKind.REVERT:
            standing.pop(each.hash or b"", None)
    found: dict[tuple[WindowKey, bytes], tuple[Measures, BaseFees | None]] = {}
    for each in standing.values():
        given = each.contribution or Contribution({CHAIN: (0,) * 11}, None)
        for size in SIZES:
            window = (size, (each.timestamp or 0) // size * size)
            for entity, measures in given.entities.items():
                before, fees = found.get((window, entity), ((0,) * len(measures), None))
                if entity == CHAIN and given.base_fees is not None:
                    own = given.base_fees
                    fees = (
                        own
                        if fees is None
                        else BaseFees(
                            min(own.lowest, fees.lowest),
                            max(own.highest, fees.highest),
                            own.total + fees.total,
                            own.blocks + fees.blocks,
                        )
                    )
                total = tuple(a + b for a, b in zip(before, measures, strict=True))
                found[window, entity] = (total, fees)
    return found
