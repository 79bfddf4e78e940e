"""Whether a block may be called final: not on the word of a node that as many others deny."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.events import Head
from connectors.evm.head.tags import ODD
from connectors.evm.pool.comparison import Votes
from connectors.evm.pool.seam import Pool
from headwater.logging import get_logger

ALONE_SECONDS: Final = 120.0
"""How long the others must have said nothing before a node is believed alone: as long as two cordons."""
STILL_SECONDS: Final = 7_200.0
"""How long what is final to both halves may stay where it is before the half is believed to which more is
final: twice as long as mainnet was without finality in May 2023."""
_log = get_logger("headwater.listen.finality")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a block is not final yet; `contradicted` where other nodes say otherwise."""

    why: str
    contradicted: bool = False
    unsure: bool = False
    """Nobody says otherwise, and who might is away."""
    instead: Head | None = None
    """A lower block that is final to most, or to all where it is as many against as many."""


class Confirmation:
    """Asks all endpoints what they have at the block's height, and which block is final to them.

    One that says nothing, since it is away or has not come so far, neither confirms nor denies. What more
    endpoints deny than confirm, and in the same words, cordons those that say otherwise. One that confirms
    while all others say nothing is believed when that lasts: a node that is on a branch of its own has tags
    there too. Where a block is final to as many nodes as it is not yet to, that is final which all confirm,
    unless it stays where it is for hours: `passed_over` then says who is not waited for, "" else.
    """

    def __init__(self, pool: Pool, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._clock = clock
        self._alone_since: float | None = None
        self._settled: int | None = None
        self._settled_since = 0.0
        self.passed_over = ""

    async def objection(self, head: Head, known: Head | None, *, forked: bool) -> Objection | None:
        """Why the block is not final, None where it is.

        `known` is the last final block, `forked`: it is of a branch that took another one's place.
        """
        if self._pool.size == 1:
            return None
        votes = await self._fetcher.votes(head)
        still = self._still(votes)
        found = _objection(votes, self._pool.size, forked=forked, alone=self._alone(votes), still=still)
        self._pass_over(votes if found is None and _is_tied(votes) else None, still)
        if found is not None and found.contradicted:
            # Who denies what is final already is on another branch for certain.
            for block in (known, votes.rival):
                if block is not None:
                    await self._pool.compare(block)
        return found

    def _pass_over(self, votes: Votes | None, still: float) -> None:
        """What was confirmed by these `votes` is not final to all: say so, in the log once; None: it is."""
        before, self.passed_over = self.passed_over, ""
        if votes is None:
            return
        self.passed_over = (
            f"block {votes.head.number} is final, and not to {', '.join(votes.not_yet)}, where none became "
            f"final for {still:.0f} s: {ODD}"
        )
        if not before:
            _log.warning("finality goes on without a node", reason=self.passed_over)

    def _alone(self, votes: Votes) -> float:
        """Seconds for which no two nodes have said anything of a block that would be final."""
        if len(votes.agree) + len(votes.deny) > 1:
            self._alone_since = None
            return 0.0
        now = self._clock()
        self._alone_since = now if self._alone_since is None else self._alone_since
        return now - self._alone_since

    def _still(self, votes: Votes) -> float:
        """Seconds for which the same block has been final to most, or to all where they are tied."""
        now = self._clock()
        settled = None if votes.settled is None else votes.settled.number
        if settled != self._settled:
            self._settled, self._settled_since = settled, now
        return now - self._settled_since


def _is_tied(votes: Votes) -> bool:
    """Whether it is final to no more nodes than it is not yet to, though those have it and do not lag."""
    behind = [each for each in votes.not_yet if each in votes.agree]
    return bool(behind) and len(votes.not_yet) >= len(votes.final_to)


def _objection(votes: Votes, size: int, *, forked: bool, alone: float, still: float) -> Objection | None:
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
    if most or (_is_tied(votes) and still < STILL_SECONDS):
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
    return None
