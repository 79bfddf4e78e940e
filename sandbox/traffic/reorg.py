"""What becomes of the transactions of orphaned blocks: moved, sent again, or lost. A pure plan."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

STAYS, RESENT = 0.75, 0.5
"""Chances that a sender's orphaned transactions are in the new branch, or else are sent again."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A transaction of a block that is about to be orphaned."""

    sender: str
    nonce: int
    raw: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`moved`: (raw, index of the new block); `resent`: raw, to be sent after the reorg."""

    moved: tuple[tuple[str, int], ...]
    resent: tuple[str, ...]
    lost: int


def plan_reorg(orphans: Iterable[Orphan], depth: int, drawn: Random) -> Plan:
    """Decide about each sender's orphans in order of nonce, so that every nonce still fits.

    A sender's first orphans go into new blocks of rising index, the next are sent again, the rest are
    lost; a lost one ends what can still be valid of its sender.
    """
    by_sender: dict[str, list[Orphan]] = {}
    for orphan in orphans:
        by_sender.setdefault(orphan.sender, []).append(orphan)
    moved: list[tuple[str, int]] = []
    resent: list[str] = []
    lost = 0
    for sender in sorted(by_sender):
        mine = sorted(by_sender[sender], key=lambda orphan: orphan.nonce)
        stay = len(mine) if drawn.random() < STAYS else drawn.randrange(len(mine))
        places = sorted(drawn.randrange(depth) for _ in range(stay))
        moved += [(orphan.raw, place) for orphan, place in zip(mine, places, strict=False)]
        rest = mine[stay:]
        again = len(rest) if drawn.random() < RESENT else 0
        resent += [orphan.raw for orphan in rest[:again]]
        lost += len(rest) - again
    return Plan(tuple(sorted(moved, key=lambda pair: pair[1])), tuple(resent), lost)


def allowed_depth(wanted: int, head: int, finalized: int) -> int:
    """Return how deep a reorg may go without reaching the finalized block (0: not at all)."""
    return max(0, min(wanted, head - finalized - 1))
