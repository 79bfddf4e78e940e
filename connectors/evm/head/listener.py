"""Follows the head of a chain: looks at the node, asks the branch what that means, publishes.

Every round starts from what is published and from what the node says now, so whatever happened in
between (a fork during a fetch, a failed write, a node that left) is answered by the next round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from connectors.evm.blocks.checks import PARENT_LINK
from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.blocks.fetch.headers import ROUNDS
from connectors.evm.events import Content, Event, Head
from connectors.evm.head.age import HeadAge
from connectors.evm.head.finality import Finality
from connectors.evm.head.forks import SPOOL_BLOCKS, Forks
from connectors.evm.head.progress import ProgressReporter
from connectors.evm.head.refusals import Refusals
from connectors.evm.head.ticker import Ticker
from connectors.evm.head.unlinked import UnlinkedHeads
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.branch import PublishedBranch
from connectors.evm.pool.refusal import Refusal
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.heartbeat import waiting
from headwater.logging import about, get_logger
from headwater.retry import Retry
from headwater.settings import ChainSettings
from topics.chainlog.kinds import EventKind

ROUND_WINDOWS: Final = 16
"""Prefetch windows between two looks at the head and the tags, while behind."""
HEAD_BLOCKS: Final = 64
"""Blocks below the head that count as the head, where a check is made more often than while catching up."""
_log = get_logger("headwater.listen")


class BetweenBlocks(Protocol):
    """Work that is done between two publications, while the log is open and the chain claimed."""

    async def serve(self) -> None:
        """Do the little that is ready. Raises Transient where the log failed, and Fatal."""


class Listener:
    """The listener of one chain; runs until its task is cancelled. Raises Fatal.

    `accept_fork` is the hash of a block below finality that an operator accepted as canonical.
    """

    def __init__(
        self,
        chain: ChainSettings,
        pool: Pool,
        fetcher: Fetcher,
        log: AsyncLog,
        progress: ProgressReporter,
        ticker: Ticker,
        *,
        accept_fork: bytes | None = None,
        age: HeadAge | None = None,
        repairs: BetweenBlocks | None = None,
    ) -> None:
        self._chain = chain
        self._repairs = repairs
        self._fetcher = fetcher
        self._log = log
        self._progress = progress
        self._ticker = ticker
        self._forks = Forks(pool, fetcher, log, self._publish, accept_fork, chain.poll_seconds)
        self._finality = Finality(chain, pool, fetcher, log, self._publish)
        self._unlinked = UnlinkedHeads(pool)
        # An operator who accepts a fork may mean one that is shorter than what was final.
        self._heeds_finalized = accept_fork is None
        self._at_head = False
        self._opened = False
        self._refusals = Refusals()
        self._age = age or HeadAge(chain.stale_head_seconds)

    async def run(self) -> None:
        """Follow the chain until cancelled."""
        self._opened = False
        HEALTH.report("log", False, "claiming the chain: what is published is read back")
        retry = Retry(on_failure=self._claims_again)
        while True:
            behind = await retry.run(self._under_claim)
            if not behind:
                with waiting():
                    await self._ticker.wait()

    async def _under_claim(self) -> bool:
        """A round and what is done after it, under a claim; tells whether to look again at once.

        Raises Transient where the log failed, and Fatal.
        """
        if not self._opened:
            await self._log.open(finality=not self._forks.accepted)
            self._opened = True
            HEALTH.report("log", True)
            self._progress.opened(self._log.sequence, self._log.branch)
        behind = await self._looked()
        HEALTH.report("log", True)
        # While no node answers too: what the log holds can be published again without one.
        await self._serve()
        await self._log.maintain()
        return behind

    async def _serve(self) -> None:
        if self._repairs is not None:
            await self._repairs.serve()

    def _claims_again(self, error: Transient, seconds: float) -> None:
        # Nobody knows what was written: read it back, under a new claim and with a new producer.
        self._opened = False
        HEALTH.report("log", False, str(error))
        _log.warning("claiming the chain again", reason=str(error), retry_in=round(seconds, 2))

    async def _looked(self) -> bool:
        """A round, whatever nodes make of it; tells whether to look again at once. Raises Fatal."""
        before = tip_hash(self._log.branch)
        try:
            behind = await self.round()
        except Refusal as refusal:
            if tip_hash(self._log.branch) != before:
                self._refusals.over()
            self._refusals.refused(refusal, begun=self._log.branch.floor is not None)
            return False
        except NodeFailure as failure:
            self._refusals.failed()
            _log.warning("looking at the head again", endpoint=failure.endpoint, reason=failure.what)
            return False
        self._refusals.over()
        self._say_when_caught_up(behind)
        return behind

    async def round(self) -> bool:
        """One look at the head and what follows from it; tells whether to look again at once.

        Raises NodeFailure, Refusal where every endpoint refuses, and Fatal.
        """
        try:
            latest = await self._head()
            with about(latest.log_fields):
                return await self._follow(latest)
        except Unsupported as error:
            raise Refusal(
                "unsupported",
                f"no endpoint can serve this chain: {error}",
                remedy="check chain.rpc and chain.traces (`headwater node check --rpc URL`)",
            ) from error

    async def _follow(self, latest: Head) -> bool:
        before = tip_hash(self._log.branch)
        try:
            behind = await self._toward(latest)
        except NodeFailure as failure:
            progress = before != tip_hash(self._log.branch)
            self._unlinked.count(latest, self._fetcher.source, failure.what, progress=progress)
            raise
        branch = self._log.branch
        if behind or branch.holds(latest.hash) or before != tip_hash(branch):
            self._unlinked.clear()
        else:
            self._unlinked.count(
                latest, self._fetcher.source, "no node has the blocks below it", progress=False
            )
        if latest.hash == tip_hash(branch):
            self._forks.caught_up()
        await self._finality.follow()
        self._progress.finality(branch)
        if self._log.branch.finalized is not None:
            self._forks.accepted = False
        return behind

    async def _toward(self, latest: Head) -> bool:
        """Publish what leads to a head; tells whether to look again at once."""
        branch = self._log.branch
        tip = branch.tip
        if tip is None or (latest.number > tip.number and latest.parent != tip.hash):
            behind = await self._catch_up(latest)
        elif latest.hash == tip.hash:
            behind = False
        elif latest.parent == tip.hash:
            await self._apply([await self._fetcher.by_hash(latest)])
            behind = False
        else:
            behind = await self._follow_fork(latest)
        return behind

    def _say_when_caught_up(self, behind: bool) -> None:
        tip = self._log.branch.tip
        if not behind and not self._at_head and tip is not None:
            with about(tip.log_fields):
                _log.info("at the head of the chain")
        self._at_head = not behind

    async def _head(self) -> Head:
        finalized = self._log.branch.finalized if self._heeds_finalized else None
        latest = await self._fetcher.head("latest", finalized=finalized)
        if latest is None:
            raise Fatal("no endpoint answers eth_getBlockByNumber latest", remedy="check chain.rpc")
        tip = self._log.branch.tip
        lags = tip is not None and latest.number < tip.number
        if self._age.is_due(latest) or lags:
            other = await self._fetcher.freshest(finalized=finalized)
            if other is not None and other.number > latest.number:
                _log.warning("another node is ahead", head=latest.number, ahead=other.number)
                latest = other
                self._age.is_due(latest)
        HEALTH.report(
            "head", not self._age.stands_still, f"block {latest.number}, new {self._age.seconds:.0f} s ago"
        )
        self._progress.node_head(latest)
        self._ticker.looked(latest.number)
        return latest

    async def _catch_up(self, latest: Head) -> bool:
        """Apply by height up to the head, some windows at most, fetching ahead."""
        branch = self._log.branch
        first = branch.tip.number + 1 if branch.tip else await self._first_height(latest)
        last = min(latest.number, first + self._chain.prefetch_blocks * ROUND_WINDOWS - 1)
        fetches: dict[int, asyncio.Task[Fetched]] = {}
        try:
            number = first
            while number <= last:
                # What all refuse is asked of one block, until that is there.
                window = 1 if number == first and self._refusals.waits else self._chain.prefetch_blocks
                for ahead in range(number, min(last + 1, number + window)):
                    if ahead not in fetches:
                        fetches[ahead] = asyncio.create_task(
                            self._fetcher.by_number(ahead, at_head=latest.number - ahead < HEAD_BLOCKS)
                        )
                try:
                    ready = [await fetches.pop(number)]
                except NodeFailure:
                    # Its head may be of another branch than its heights.
                    if branch.tip is None or latest.number - branch.tip.number > SPOOL_BLOCKS:
                        raise
                    await self._serve()
                    return await self._follow_fork(latest)
                while (task := fetches.get(number + len(ready))) and task.done() and not task.exception():
                    ready.append(fetches.pop(number + len(ready)).result())
                applied = await self._apply(ready)
                number += applied
                if applied < len(ready):
                    near = branch.tip is not None and latest.number - branch.tip.number <= SPOOL_BLOCKS
                    return await self._follow_fork(latest if near else ready[applied].head)
                # A round is as long as its blocks take, and nodes may be slow with each of them.
                await self._serve()
        finally:
            for task in fetches.values():
                task.cancel()
            await asyncio.gather(*fetches.values(), return_exceptions=True)
        return last < latest.number

    async def _first_height(self, latest: Head) -> int:
        floor = self._log.branch.floor
        if floor is not None:
            return floor
        if self._chain.start == "latest":
            return latest.number
        if self._chain.start != "earliest":
            return int(self._chain.start)
        try:
            earliest = await self._fetcher.head("earliest", rounds=ROUNDS)
        except NodeFailure as failure:
            if failure.outcome != "null":
                raise
            earliest = None
        if earliest is None:
            raise Refusal("earliest", "no endpoint has an earliest block", remedy="give --start N")
        return earliest.number

    async def _apply(self, blocks: Sequence[Fetched]) -> int:
        """Publish those of the blocks that link to the tip one after the other; returns how many."""
        branch = self._log.branch
        tip = branch.tip
        events: list[Event] = []
        for block in blocks:
            head = block.head
            linked = branch.follows(head) if not events else head.parent == blocks[len(events) - 1].head.hash
            if not linked:
                break
            if branch.holds(head.hash) or any(each.head.hash == head.hash for each in blocks[: len(events)]):
                if events:
                    break
                raise NodeFailure(
                    self._fetcher.source or "nodes",
                    f"block {head.number} has the hash of one below it, 0x{head.hash.hex()}: it is not "
                    "published (chain.verify_header_hash tells which of them is wrong)",
                    "broken",
                )
            verified = block.content.verified
            if events or tip is not None:
                verified = (*verified, PARENT_LINK)
            events.append(Event(EventKind.APPLY, head, with_checks(block.content, verified)))
        if events:
            await self._publish(events)
        return len(events)

    async def _follow_fork(self, seen: Head) -> bool:
        followed = await self._forks.follow(seen)
        if followed.reverted:
            # Before its blocks are applied, whose height is the ancestor's.
            tip = self._log.branch.tip
            self._finality.forked(-1 if tip is None else tip.number)
            self._progress.reorganised(followed.reverted)
        applied = await self._apply(followed.blocks)
        return followed.reverted + applied > 0

    async def _publish(self, events: Sequence[Event]) -> None:
        sequence = await self._log.publish(events)
        self._progress.published(events, sequence, self._log.branch)


def tip_hash(branch: PublishedBranch) -> bytes | None:
    """Hash of the last block published."""
    return None if branch.tip is None else branch.tip.hash


def with_checks(content: Content, verified: tuple[str, ...]) -> Content:
    """The content with the checks that the block passed by now."""
    return Content(content.block, content.receipts, content.traces, content.source, verified)
