"""SAFE and FINALIZED: which published block the nodes' tags mean."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.blocks.fetch.headers import ROUNDS
from connectors.evm.events import Event, Head
from connectors.evm.head.confirmation import Confirmation
from connectors.evm.head.final_age import FinalAge
from connectors.evm.head.forks import Publish
from connectors.evm.head.tags import FINALIZED, ODD, SAFE, Meant, amiss, best
from connectors.evm.head.waiting import Waiting
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.pool.seam import Pool
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater.at_once import all_of
from headwater.settings import ChainSettings
from topics.chainlog.kinds import EventKind

TAG_SECONDS: Final = 10.0
"""How long blocks wait for a look at the tags."""
UNKNOWN_LOOKS: Final = 8
UNKNOWN_SECONDS: Final = 60.0
"""At how many looks, and for how long, no node may know a tag before a depth takes its place: some that have
tags deny them now and then."""
REST_SECONDS: Final = 60.0
"""How long they are left alone after one that took longer."""


class Finality:
    """Publishes SAFE and FINALIZED where they moved; the tags are looked at once a tip.

    A tag that fails, goes back or names a block that is not published makes all nodes be asked for theirs,
    and what is final is final only where no other nodes deny it in equal number.
    """

    def __init__(
        self,
        chain: ChainSettings,
        pool: Pool,
        fetcher: Fetcher,
        log: AsyncLog,
        publish: Publish,
        waiting: Waiting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._asks_again = float("-inf")
        self._chain = chain
        self._pool = pool
        self._fetcher = fetcher
        self._log = log
        self._publish = publish
        self._waiting = waiting or Waiting()
        self._confirmation = Confirmation(pool, fetcher, lambda: self._clock())
        self._age = FinalAge(chain.name, chain.finalized_depth, lambda: self._clock())
        self._held_back = ""
        self._named: int | None = None
        self._tagged: bytes | None = None
        self._seen: set[str] = set()
        # Of a tag that no node knows: since when, and at how many looks.
        self._unknown: dict[str, tuple[float, int]] = {}
        self._forked: int | None = None

    def forked(self, ancestor: int) -> None:
        """A branch took the place of another one above this height."""
        self._forked = ancestor if self._forked is None else min(ancestor, self._forked)

    async def follow(self) -> None:
        """Look at the tags, unless that was done at this tip."""
        branch = self._log.branch
        tip = branch.tip
        if tip is None or tip.hash == self._tagged:
            return
        if self._clock() < self._asks_again:
            return
        try:
            async with asyncio.timeout(TAG_SECONDS):
                tagged, safe = await self._tags(tip)
                finalized = await self._confirmed(tagged)
        except TimeoutError:
            # Blocks are not held up for longer: the next ones are published meanwhile.
            self._asks_again = self._clock() + REST_SECONDS
            for name in (FINALIZED, SAFE):
                self._waiting.waits(name, f"no node tells of its tags within {TAG_SECONDS:g} s")
            self._age.look(branch, "", self._named)
            return
        self._waiting.waits(FINALIZED, finalized.why, contradicted=finalized.contradicted)
        self._waiting.waits(SAFE, safe.why, contradicted=safe.contradicted)
        events: list[Event] = []
        if safe.block is not None and branch.is_news(safe.block, branch.safe):
            events.append(Event(EventKind.SAFE, safe.block))
        if finalized.block is not None and branch.is_news(finalized.block, branch.finalized):
            events.append(Event(EventKind.FINALIZED, finalized.block))
        if events:
            await self._publish(events)
        self._age.look(branch, self._held_back or self._confirmation.passed_over, self._named)
        # What was not confirmed may be a moment later.
        self._tagged = tip.hash if finalized.block is tagged.block else None

    async def _tags(self, tip: Head) -> tuple[Meant, Meant]:
        finalized, safe = await all_of(
            self._tag(FINALIZED, tip, self._chain.finalized_depth),
            self._tag(SAFE, tip, self._chain.safe_depth),
        )
        return finalized, safe

    async def _confirmed(self, meant: Meant) -> Meant:
        """What is final is asked of the other nodes too, where it is news."""
        block, branch = meant.block, self._log.branch
        self._held_back = ""
        if block is None or not branch.is_news(block, branch.finalized):
            return meant
        forked = self._forked is not None and block.number > self._forked
        objection = await self._confirmation.objection(block, branch.finalized, forked=forked)
        if objection is not None and (instead := objection.instead) is not None:
            there = branch.holds(instead.hash)
            if there or (branch.bottom is not None and instead.number < branch.bottom.number):
                self._held_back = objection.why
                return Meant(instead if there else None)
        # One node of two that is gone for good stops no finality.
        if objection is not None and not (objection.unsure and self._waiting.lasts):
            return Meant(None, objection.why, objection.contradicted)
        if forked:
            self._forked = None
        return meant

    async def _tag(self, name: str, tip: Head, depth: int) -> Meant:
        """The published block that a tag means.

        Where no node knows the tag, look after look, it is at a depth, unless it was ever seen: a tag that
        fails, or that names no block yet, is waited for, and blocks go on. While catching up the tag is ahead
        of the tip: then the tip itself is meant, once the node confirms that it is on its chain.
        """
        branch = self._log.branch
        if self._chain.finality == "depth":
            return Meant(branch.at(tip.number - depth))
        why = "no node has such a block yet (chain.finality=depth is for a chain without tags)"
        tag = None
        try:
            tag = await self._fetcher.head(name, rounds=ROUNDS)
        except Unsupported as error:
            why = str(error)
            auto = self._chain.finality in (None, "auto") and name not in self._seen
            if auto and self._lacks(name):
                return Meant(branch.at(tip.number - depth))
        except NodeFailure as error:
            why = str(error)
        wrong = amiss(name, tag, branch)
        frozen = name == FINALIZED and self._age.asks_others(branch)
        if self._pool.size > 1 and (tag is None or wrong is not None or frozen):
            tag = best(name, [tag, *(each for _, each in await self._fetcher.heads(name))], branch)
            wrong = amiss(name, tag, branch)
        if name == FINALIZED:
            self._named = None if tag is None else tag.number
        if tag is None:
            return Meant(None, why)
        self._seen.add(name)
        if wrong is not None:
            return wrong
        if tag.number <= tip.number:
            return Meant(branch.at(tag.number))
        return await self._above(tag, tip)

    def _lacks(self, name: str) -> bool:
        """Whether it has lasted that no node knows this tag."""
        now = self._clock()
        since, looks = self._unknown.get(name, (now, 0))
        self._unknown[name] = since, looks + 1
        return looks + 1 >= UNKNOWN_LOOKS and now - since >= UNKNOWN_SECONDS

    async def _above(self, tag: Head, tip: Head) -> Meant:
        """What a tag above the tip means: the tip, where tip and tag are both on the node's chain."""
        try:
            there, own = await all_of(
                self._fetcher.header(number=tip.number), self._fetcher.header(number=tag.number)
            )
        except (NodeFailure, Unsupported) as error:
            return Meant(None, str(error))
        if own is None or own.hash != tag.hash:
            has = "no block" if own is None else f"block 0x{own.hash.hex()}"
            return Meant(
                None,
                f"the nodes name block {tag.number} (0x{tag.hash.hex()}), and have {has} at that height: "
                f"{ODD}",
            )
        return Meant(tip if there is not None and there.hash == tip.hash else None)
