"""What a listener does while it leads, with all that writes: made anew each time, closed in the end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import NamedTuple

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.fetch.fetcher import Fetcher
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.head.age import HeadAge
from connectors.evm.head.heads import Heads
from connectors.evm.head.listener import Listener
from connectors.evm.head.progress import ProgressReporter
from connectors.evm.head.subscription import Subscription
from connectors.evm.head.ticker import NotifiedTicker, PollTicker, Ticker
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.codec import STREAM, EventCodec
from connectors.evm.log.follower import Follower
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.links.kafka_links import KafkaLinks
from connectors.evm.log.links.links import STREAM as LINKS
from connectors.evm.log.links.links import LinkCodec
from connectors.evm.log.retention import Retention
from connectors.evm.log.search import Search
from connectors.evm.log.writer import ChainLog
from connectors.evm.pool.nodes import Nodes
from connectors.evm.pool.quorum import Quorum
from connectors.evm.pool.survey import Survey
from connectors.evm.repair.kafka_channel import KafkaOutcomes, KafkaRequests
from connectors.evm.repair.preparation import Preparation
from connectors.evm.repair.request import OUTCOMES, REQUESTS
from connectors.evm.repair.service import Repairs
from connectors.evm.rpc.socket import connect
from headwater.clock import now_ms
from headwater.evm.bloom import Bloom
from headwater.logging import get_logger
from headwater.settings import ChainSettings, Settings
from headwater.settings.chain import VerifyRoots
from headwater.settings.profiles import FAMILIES, Profile
from schemas.registry import Registry
from topics.catalog import topic_name

_log = get_logger("headwater.listen")


class SchemaIds(NamedTuple):
    """The registry's ids of what a listener writes."""

    raw_blocks: int
    raw_links: int
    heads: int
    repairs: int


@dataclass(frozen=True, slots=True)
class Leading:
    """What stays the same whenever this listener leads."""

    settings: Settings
    chain: ChainSettings
    chain_id: int
    nodes: Nodes
    survey: Survey
    verifier: Verifier
    registry: Registry
    ids: SchemaIds

    async def run(self, *, accept_fork: bytes | None = None, follower: Follower | None = None) -> None:
        """Claim the chain and follow it until cancelled. Raises Fenced, and Fatal."""
        # Everything is closed, also where closing another one fails.
        async with AsyncExitStack() as closing:
            await self._listener(closing, accept_fork, follower).run()

    def _listener(
        self, closing: AsyncExitStack, accept_fork: bytes | None, follower: Follower | None
    ) -> Listener:
        settings, chain, chain_id = self.settings, self.chain, self.chain_id
        heads = Heads(settings, chain_id, self.ids.heads)
        closing.callback(heads.close)
        stores = [self.store() for _ in range(2)]
        chain_log = ChainLog(stores[0], self.codec(), settings.client_id, now_ms, follower, self.links())
        log = AsyncLog(chain_log, Retention(now_ms))
        closing.push_async_callback(log.close)
        closing.callback(stores[1].close)
        self.survey.finalized = lambda: log.finalized
        progress = ProgressReporter(chain.name, heads)
        repairs = Repairs(
            chain.name,
            KafkaRequests(settings, self.registry.reader(REQUESTS)),
            KafkaOutcomes(settings, chain_id, self.ids.repairs, self.registry.reader(OUTCOMES)),
            log,
            progress,
            Preparation(
                chain_id,
                log,
                Search(stores[1], self.codec()),
                self._fetcher(self.nodes.aside(), shown=False),
            ),
            now_ms,
        )
        closing.push_async_callback(repairs.close)
        closing.callback(stores[1].interrupt)
        ticker, subscribed = self._ticker()
        if subscribed is not None:
            closing.push_async_callback(_ended, subscribed)
        closing.callback(progress.ended)
        return Listener(
            chain,
            self.nodes,
            self._fetcher(self.nodes, cache_bytes=chain.cache_bytes),
            log,
            progress,
            ticker,
            accept_fork=accept_fork,
            age=HeadAge(chain.stale_head_seconds, rests=chain_id not in FAMILIES),
            repairs=repairs,
        )

    def store(self) -> KafkaStore:
        """The chain's log, opened."""
        return KafkaStore(self.settings, topic_name(self.settings, STREAM), str(self.chain_id))

    def links(self) -> KafkaLinks:
        """What the log says without its answers, opened."""
        codec = LinkCodec(self.ids.raw_links, reader=self.registry.reader(LINKS))
        return KafkaLinks(self.settings, self.chain_id, codec)

    def codec(self) -> EventCodec:
        """A codec of its events; for one thread."""
        return EventCodec(self.chain_id, self.ids.raw_blocks, reader=self.registry.reader(STREAM))

    def _ticker(self) -> tuple[Ticker, asyncio.Task[None] | None]:
        chain = self.chain
        if not chain.ws:
            return PollTicker(chain.poll_seconds), None
        ticker = NotifiedTicker(chain.poll_seconds)
        urls = [each.get_secret_value() for each in chain.ws]
        subscription = Subscription(chain.name, self.chain_id, urls, ticker, connect)
        subscribed = asyncio.create_task(subscription.run())
        subscribed.add_done_callback(_say_when_broken)
        return ticker, subscribed

    def _fetcher(self, nodes: Nodes, *, cache_bytes: int = 0, shown: bool = True) -> Fetcher:
        chain = self.chain
        quorum = None
        if chain.quorum > 1:
            quorum = Quorum(chain.name, nodes, chain.quorum, chain.stale_head_seconds, shown=shown)
        return Fetcher(
            chain.name,
            nodes,
            self.verifier,
            chain.traces,
            block_receipt=bool(chain.block_receipt),
            quorum=quorum,
            cache_bytes=cache_bytes,
        )


async def _ended(subscribed: asyncio.Task[None]) -> None:
    subscribed.cancel()
    await asyncio.gather(subscribed, return_exceptions=True)


def _say_when_broken(subscribed: asyncio.Task[None]) -> None:
    """The head is found by polling without it."""
    if not subscribed.cancelled() and (error := subscribed.exception()) is not None:
        _log.error("not told of new heads any more, polling: start the listener again", exc_info=error)


def verifier_of(profile: Profile, roots: VerifyRoots) -> Verifier:
    """The checks of a chain with these habits."""
    bloom = Bloom()
    return Verifier(
        bloom,
        header_hash=profile.verify_header_hash,
        logs_bloom=profile.verify_bloom,
        gas_used=profile.verify_gas_used,
        traces=profile.verify_traces,
        creations=not profile.created_by_calls,
        log_indexes=profile.log_indexes,
        exempt=profile.exemptions,
        roots=RootChecks(
            bloom,
            roots,
            profile.roots,
            profile.exemptions,
            profile.receipt_types,
            profile.byzantium_block,
        ),
    )
