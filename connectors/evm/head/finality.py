"""SAFE and FINALIZED: which published block the node's tags mean."""

from __future__ import annotations

import asyncio

from connectors.evm.blocks.fetch import ROUNDS, Fetcher
from connectors.evm.events import Event, Head
from connectors.evm.head.forks import Publish
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.settings import ChainSettings
from topics.chainlog.kinds import EventKind

_log = get_logger("headwater.listen.finality")


class Finality:
    """Publishes SAFE and FINALIZED where they moved; the tags are looked at once a tip."""

    def __init__(self, chain: ChainSettings, fetcher: Fetcher, log: AsyncLog, publish: Publish) -> None:
        self._chain = chain
        self._fetcher = fetcher
        self._log = log
        self._publish = publish
        self._tagged: bytes | None = None
        self._seen: set[str] = set()
        self._waiting: dict[str, str] = {}

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

        Where no node knows the tag it is at a depth, unless it was ever seen: a tag that fails, or that
        names no block yet, is waited for, and blocks go on. While catching up the tag is ahead of the tip:
        then the tip itself is meant, once the node confirms that it is on its chain.
        """
        branch = self._log.branch
        if self._chain.finality == "depth":
            return branch.at(tip.number - depth)
        try:
            tag = await self._fetcher.head(name, rounds=ROUNDS)
        except Unsupported as error:
            if self._chain.finality in (None, "auto") and name not in self._seen:
                self._waits(name, "")
                return branch.at(tip.number - depth)
            self._waits(name, str(error))
            return None
        except NodeFailure as error:
            self._waits(name, str(error))
            return None
        if tag is None:
            self._waits(
                name, "no node has such a block yet (chain.finality=depth is for a chain without tags)"
            )
            return None
        self._seen.add(name)
        self._waits(name, "")
        if tag.number <= tip.number:
            return branch.at(tag.number) if branch.holds(tag.hash) else None
        there = await self._fetcher.header(number=tip.number)
        return tip if there is not None and there.hash == tip.hash else None

    def _waits(self, name: str, reason: str) -> None:
        """Say why a tag is waited for, once each time that the reason changes; "" when it is not."""
        if self._waiting.get(name, "") != reason:
            self._waiting[name] = reason
            if reason:
                _log.warning("finality waits", tag=name, reason=reason)
        waiting = "; ".join(f"{each}: {why}" for each, why in self._waiting.items() if why)
        HEALTH.report("finality", True, f"waiting: {waiting}" if waiting else "")
