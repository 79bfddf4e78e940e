"""Following a fork by its links: where a node's branch leaves the published one, and what takes its place.

Blocks of the branch are asked for by hash and are all here before anything is taken back: a node, or a
balancer over two, may answer heights from another branch than its head.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.events import Event, Head
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.branch import Ancestor, BelowFinalized, BelowStart
from connectors.evm.pool.refusal import Refusal
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure
from headwater.at_once import all_of
from headwater.health import HEALTH
from headwater.logging import about, get_logger
from topics.chainlog.kinds import EventKind

PATIENCE: Final = 12
"""Looks in a row at a head that is an ancestor of the tip, before it is taken for a chain that went back
and not for a node that lags behind: at one look per second, as long as a block of Ethereum takes. Nodes of
one provider often lag so far behind each other, and no consumer wants a retraction for it. So many polls have
to pass: a node that notifies of a head again and again makes looks, and no time pass."""
UNLINKED: Final = 5
"""Looks in a row at a block without a parent, before health says so: forks pass sooner."""
REVERTS_AT_ONCE: Final = 4
SPOOL_BLOCKS: Final = 64
"""Blocks of a branch that are held at most; those above them follow by height."""
_FETCHES_AT_ONCE: Final = 8
Publish = Callable[[Sequence[Event]], Awaitable[None]]
_log = get_logger("headwater.listen.forks")


@dataclass(frozen=True, slots=True)
class Followed:
    """How many blocks were taken back, and the blocks of the branch that come next, in order."""

    reverted: int = 0
    blocks: Sequence[Fetched] = ()


class Forks:
    """Takes back what a node's branch does not have.

    `accept_fork` is the hash of a block below finality that an operator accepted as canonical.
    `accepted` is true from the moment it is followed until there is finality again.
    """

    def __init__(
        self,
        pool: Pool,
        fetcher: Fetcher,
        log: AsyncLog,
        publish: Publish,
        accept_fork: bytes | None,
        poll_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._patience_seconds = (PATIENCE - 1) * poll_seconds
        self._lagging_since = 0.0
        self.accepted = False
        self._pool = pool
        self._fetcher = fetcher
        self._log = log
        self._publish = publish
        self._accept_fork = accept_fork
        self._lagging = 0
        self._parentless = 0
        self._parentless_hash: bytes | None = None

    def caught_up(self) -> None:
        """The node's head is the tip."""
        self._lagging = 0
        self._holds()

    async def follow(self, seen: Head) -> Followed:
        """Take back what is not on the branch of `seen`, once the blocks that take its place are here.

        Raises NodeFailure and Refusal, with nothing taken back.
        """
        with about(seen.log_fields):
            return await self._followed(seen)

    async def _followed(self, seen: Head) -> Followed:
        self._pool.recheck()
        if await self._fetcher.header(number=seen.number, hash=seen.hash) is None:
            return Followed()
        oldest = seen
        walked = [seen]
        while not isinstance(meaning := self._log.branch.meaning(oldest), Ancestor | BelowStart):
            if isinstance(meaning, BelowFinalized):
                await self._accept_or_stop(oldest, meaning.finalized)
                continue
            parent = await self._fetcher.header(number=oldest.number - 1, hash=meaning.parent)
            if parent is None or parent.number != oldest.number - 1:
                self._broken(oldest)
                return Followed()
            oldest = parent
            walked.append(parent)
        self._holds()
        if isinstance(meaning, Ancestor) and meaning.number == seen.number:
            if not self._patient(seen):
                return Followed()
            walked = []
        # The lowest block walked may be the ancestor itself.
        new = [head for head in walked if not self._log.branch.holds(head.hash)]
        blocks = [] if isinstance(meaning, BelowStart) else await self._spooled(new[::-1][:SPOOL_BLOCKS])
        await self._revert(meaning.revert, meaning)
        return Followed(meaning.revert, blocks)

    def _holds(self) -> None:
        if self._parentless:
            self._parentless, self._parentless_hash = 0, None
            HEALTH.report("links", True)

    def _broken(self, head: Head) -> None:
        """The parent of a block is not to be had: the branch left meanwhile, or the chain does not link."""
        with about(head.log_fields):
            _log.warning("a branch vanished while it was followed")
        self._parentless = self._parentless + 1 if self._parentless_hash == head.hash else 1
        self._parentless_hash = head.hash
        if self._parentless >= UNLINKED:
            HEALTH.report(
                "links",
                False,
                f"block {head.number} (0x{head.hash.hex()}) names 0x{head.parent.hex()} for its parent, "
                "which no endpoint has at that height: nothing more is published; add another node to "
                "HEADWATER_CHAIN__RPC, or have the operator look at that block",
            )

    async def _spooled(self, heads: Sequence[Head]) -> list[Fetched]:
        blocks: list[Fetched] = []
        for start in range(0, len(heads), _FETCHES_AT_ONCE):
            together = heads[start : start + _FETCHES_AT_ONCE]
            blocks += await all_of(*(self._fetcher.by_hash(head) for head in together))
        return blocks

    def _patient(self, seen: Head) -> bool:
        now = self._clock()
        self._lagging += 1
        if self._lagging == 1:
            self._lagging_since = now
        if self._lagging < PATIENCE or now - self._lagging_since < self._patience_seconds:
            _log.warning("the node's head is behind what is published", look=self._lagging)
            return False
        self._lagging = 0
        return True

    async def _accept_or_stop(self, oldest: Head, finalized: Head) -> None:
        """Have the log tell of blocks below finality, when an operator said so. Raises Refusal otherwise."""
        here = "0x" + oldest.hash.hex()
        if self.accepted:
            raise Refusal(
                "fork",
                f"the accepted fork leaves below block {finalized.number}, the lowest that raw-blocks holds",
                remedy="start over with empty topics (another HEADWATER_TOPIC_PREFIX)",
            )
        if oldest.hash == self._accept_fork:
            with about(oldest.log_fields):
                _log.warning("following a fork below finality, as told", hash=here)
            self.accepted = True
            await self._log.open(finality=False)
            return
        compared = await self._pool.compare(finalized)
        if compared.cordoned:
            raise NodeFailure(
                "nodes",
                f"block {oldest.number} of a branch below finality: other endpoints are asked",
                "behind",
            )
        message = (
            f"the node's chain forks below the finalized block {finalized.number} "
            f"(0x{finalized.hash.hex()}): its block {oldest.number} is {here}; nothing more is published"
        )
        if compared.agree or compared.silent:
            # Who has the published branch may be away for a while only.
            waits = (
                f"{message} until {', '.join(compared.silent) or 'the others'} answers; where that is gone "
                "for good, take it out of HEADWATER_CHAIN__RPC or put a sound node there"
            )
            HEALTH.report("branch", False, waits)
            raise NodeFailure("nodes", waits, "behind")
        raise Refusal(
            "fork",
            message,
            remedy="check the node; to follow its chain and take back final blocks run "
            f"`headwater listen --accept-fork {here}`",
        )

    async def _revert(self, count: int, meaning: Ancestor | BelowStart) -> None:
        if not count:
            return
        _log.warning(
            "following a fork",
            depth=count,
            ancestor=meaning.number if isinstance(meaning, Ancestor) else None,
        )
        links = list(self._log.branch.from_tip(count))
        for start in range(0, count, REVERTS_AT_ONCE):
            events = [
                Event(EventKind.REVERT, link.head, await self._log.content(link))
                for link in links[start : start + REVERTS_AT_ONCE]
            ]
            await self._publish(events)
