"""Heads and heights that count only where so many endpoints have the same block there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from connectors.evm.events import Head
from connectors.evm.pool.asking.work import Work
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure
from headwater.health import HEALTH
from headwater.metrics import listener as metrics

PART: Final = "quorum"
_SHOWN: Final = 18


class NoQuorum(NodeFailure):
    """Too few endpoints agree; they may at another moment, as forks at the head pass."""


class Quorum:
    """Asks all endpoints of a pool. Readiness says that it waits, and fails after `patience` seconds.

    One of a process is `shown`, by readiness and a gauge: of two, each would overwrite what the other says.
    """

    def __init__(
        self,
        chain: str,
        pool: Pool,
        needed: int,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        shown: bool = True,
    ) -> None:
        self._shown = shown
        self._chain = chain
        self._pool = pool
        self._needed = needed
        self._patience = patience
        self._clock = clock
        self._waiting: float | None = None

    async def head(self, named: Work[Head | None], at: Callable[[int], Work[Head | None]]) -> Head:
        """The highest block that enough endpoints have. Raises NoQuorum.

        `named` asks an endpoint for its head, `at(number)` for its block of a height.
        """
        found = _there(await self._pool.each(named, enough=self._needed))
        head = self._agreed(found)
        if head is None and len(found) >= self._needed:
            # The highest number that enough of them have reached: who is further has a block there too.
            number = sorted((each.number for _, each in found), reverse=True)[self._needed - 1]
            found = _there(await self._pool.each(at(number), enough=self._needed))
            head = self._agreed(found)
        if head is None:
            raise self._waits(found)
        self._answered()
        return head

    async def confirm(self, head: Head, at: Callable[[int], Work[Head | None]]) -> None:
        """Return when enough endpoints have this block at its height. Raises NoQuorum."""
        found = _there(await self._pool.each(at(head.number), enough=self._needed))
        if sum(each.hash == head.hash for _, each in found) < self._needed:
            raise self._waits(found)
        self._answered()

    def _agreed(self, found: Sequence[tuple[str, Head]]) -> Head | None:
        counted = Counter(head.hash for _, head in found)
        enough = [head for _, head in found if counted[head.hash] >= self._needed]
        return max(enough, key=lambda head: head.number, default=None)

    def _waits(self, found: Sequence[tuple[str, Head]]) -> NoQuorum:
        now = self._clock()
        self._waiting = now if self._waiting is None else self._waiting
        heads = ", ".join(f"{name} has {head.number} 0x{head.hash.hex()[:_SHOWN]}" for name, head in found)
        what = (
            f"waiting: {self._needed} endpoints must agree on a block (HEADWATER_CHAIN__QUORUM), and "
            f"{heads or 'none answers'}"
        )
        if self._shown:
            metrics.QUORUM_WAITS.labels(self._chain).set(1)
            HEALTH.report(PART, now - self._waiting < self._patience, what)
        return NoQuorum("nodes", what, "no quorum")

    def _answered(self) -> None:
        self._waiting = None
        if self._shown:
            metrics.QUORUM_WAITS.labels(self._chain).set(0)
            HEALTH.report(PART, True)


def _there(answers: Sequence[tuple[str, Head | None]]) -> list[tuple[str, Head]]:
    return [(name, head) for name, head in answers if head is not None]
