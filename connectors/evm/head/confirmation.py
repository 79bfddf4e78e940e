"""Whether a block may be called final: not on the word of a node that as many others deny."""

from __future__ import annotations

import time
from collections.abc import Callable

from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.events import Head
from connectors.evm.head.objection import Objection, is_outweighed, is_tied, objection_to, trusted_by
from connectors.evm.head.tags import ODD
from connectors.evm.pool.comparison import Votes
from connectors.evm.pool.seam import Pool
from headwater.logging import get_logger

_log = get_logger("headwater.listen.finality")


class Confirmation:
    """Asks all endpoints what they have at the block's height, and which block is final to them.

    One that says nothing, since it is away or has not come so far, neither confirms nor denies. What more
    endpoints deny than confirm, and in the same words, cordons those that say otherwise. One that confirms
    while all others say nothing is believed when that lasts: a node that is on a branch of its own has tags
    there too. So are those to whom more was final than to most, while enough others fail to say what is.
    Where a block is final to as many nodes as it is not yet to, that is final which all confirm, unless it
    stays where it is for hours: `passed_over` then says who is not waited for, "" else.
    """

    def __init__(self, pool: Pool, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._clock = clock
        self._alone_since: float | None = None
        self._trusted: frozenset[str] = frozenset()
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
        self._trusted = trusted_by(votes, self._trusted)
        outweighed = is_outweighed(votes, self._pool.size, self._trusted)
        alone = self._lasts(outweighed or len(votes.agree) + len(votes.deny) <= 1)
        found = objection_to(
            votes, self._pool.size, forked=forked, outweighed=outweighed, alone=alone, still=still
        )
        self._pass_over(votes if found is None and is_tied(votes) else None, still)
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

    def _lasts(self, alone: bool) -> float:
        """Seconds for which those that call a block final have been `alone` with it."""
        if not alone:
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
