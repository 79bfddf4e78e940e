"""What is to be said against a block's being final, by what the nodes say: pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from connectors.evm.events import Head
from connectors.evm.head.tags import ODD
from connectors.evm.pool.comparison import Votes

ALONE_SECONDS: Final = 120.0
"""How long the others must have said nothing before a node is believed alone: as long as two cordons."""
STILL_SECONDS: Final = 7_200.0
"""How long what is final to both halves may stay where it is before the half is believed to which more is
final: twice as long as mainnet was without finality in May 2023."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a block is not final yet; `contradicted` where other nodes say otherwise."""

    why: str
    contradicted: bool = False
    unsure: bool = False
    """Nobody says otherwise, and who might is away."""
    instead: Head | None = None
    """A lower block that is final to most, or to all where it is as many against as many."""


def trusted_by(votes: Votes, before: frozenset[str]) -> frozenset[str]:
    """Nodes to which no more is final than to most, by the last votes in which two at least said what is.

    One that calls its head final is none of them, and wins nothing by the failure of another one to answer.
    """
    finals = {name: final.number for name, (_, final) in votes.found.items() if final}
    if len(finals) < 2 or votes.settled is None:
        return before
    return frozenset(name for name, number in finals.items() if number <= votes.settled.number)


def is_outweighed(votes: Votes, size: int, trusted: Collection[str]) -> bool:
    """Whether those that say nothing could be as many against it as are for it, none of whom is trusted."""
    against = [each for each in votes.not_yet if each in votes.agree]
    silent = votes.silent(size)
    doubtful = silent > 0 and len(votes.final_to) <= len(against) + silent
    return doubtful and not any(each in trusted for each in votes.final_to)


def is_tied(votes: Votes) -> bool:
    """Whether it is final to no more nodes than it is not yet to, though those have it and do not lag."""
    behind = [each for each in votes.not_yet if each in votes.agree]
    return bool(behind) and len(votes.not_yet) >= len(votes.final_to)


def objection_to(
    votes: Votes, size: int, *, forked: bool, outweighed: bool, alone: float, still: float
) -> Objection | None:
    block = f"block {votes.head.number} (0x{votes.head.hash.hex()})"
    agree, deny = votes.agree, votes.deny
    if len(deny) >= len(agree) and deny:
        has = ", ".join(agree) or "no node"
        return Objection(
            f"{block} would be final: {has} has it, and {', '.join(deny)} has another block there; nothing "
            f"is final while they disagree: {ODD}",
            contradicted=True,
        )
    if not agree:
        return Objection(f"no node confirms {block}: they are asked again")
    most = len(votes.not_yet) > len(votes.found) - len(votes.not_yet)
    if most or (is_tied(votes) and still < STILL_SECONDS):
        has = ", ".join(votes.final_to) or "one node"
        return Objection(
            f"{block} is final to {has}, and not yet to {', '.join(votes.not_yet)}", instead=votes.settled
        )
    if len(agree) == 1 and len(agree) + len(deny) < size:
        if forked:
            return Objection(
                f"{block} is of a branch that only {agree[0]} has shown; the other nodes are waited for",
                unsure=True,
            )
        if alone < ALONE_SECONDS:
            return Objection(
                f"{block} is final to {agree[0]}, and no other node says anything of it: one is believed "
                f"alone when that has lasted {ALONE_SECONDS:.0f} s"
            )
    if outweighed and alone < ALONE_SECONDS:
        has = ", ".join(votes.final_to) or "none that says so now"
        return Objection(
            f"{block} is final to {has}, and {votes.silent(size)} of {size} nodes do not say what is: they "
            f"have nothing against it when that has lasted {ALONE_SECONDS:.0f} s"
        )
    return None
