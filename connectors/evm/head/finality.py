"""SAFE and FINALIZED: which published block the node's tags mean."""

from __future__ import annotations

import asyncio

from connectors.evm.blocks.fetch import Fetcher
from connectors.evm.events import Event, Head
from connectors.evm.head.forks import Publish
from connectors.evm.log.async_log import AsyncLog
from headwater.settings import ChainSettings
from topics.chainlog.kinds import EventKind


class Finality:
    """Publishes SAFE and FINALIZED where they moved; the tags are looked at once a tip."""

    def __init__(self, chain: ChainSettings, fetcher: Fetcher, log: AsyncLog, publish: Publish) -> None:
        self._chain = chain
        self._fetcher = fetcher
        self._log = log
        self._publish = publish
        self._tagged: bytes | None = None

    async def follow(self) -> None:
        """Look at the tags, unless that was done at this tip."""
        branch = self._log.branch
        tip = branch.tip
        if tip is None or tip.hash == self._tagged:
            return
        depths = {"finalized": self._chain.finalized_depth, "safe": self._chain.safe_depth}
        found = await asyncio.gather(*(self._tag(name, tip, depth) for name, depth in depths.items()))
        finalized, safe = found
        events: list[Event] = []
        if finalized is not None and branch.is_news(finalized, branch.finalized):
            events.append(Event(EventKind.FINALIZED, finalized))
        if safe is not None and branch.is_news(safe, branch.safe):
            events.insert(0, Event(EventKind.SAFE, safe))
        if events:
            await self._publish(events)
        self._tagged = tip.hash

    async def _tag(self, name: str, tip: Head, depth: int) -> Head | None:
        """The published block that a tag means.

        A chain without the tag has it at a depth. While catching up the tag is ahead of the tip: then
        the tip itself is meant, once the node confirms that it is on its chain.
        """
        branch = self._log.branch
        tag = await self._fetcher.head(name)
        if tag is None:
            return branch.at(tip.number - depth)
        if tag.number <= tip.number:
            return branch.at(tag.number) if branch.holds(tag.hash) else None
        there = await self._fetcher.header(number=tip.number)
        return tip if there is not None and there.hash == tip.hash else None
