"""The listener put together from settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.fetch import Fetcher
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.head.heads import STREAM as HEADS
from connectors.evm.head.heads import Heads
from connectors.evm.head.listener import Listener, PollTicker
from connectors.evm.head.progress import ProgressReporter
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.codec import STREAM, EventCodec
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.retention import Retention
from connectors.evm.log.search import Search
from connectors.evm.log.writer import ChainLog
from connectors.evm.pool.nodes import Nodes, connect
from connectors.evm.pool.quorum import Quorum
from connectors.evm.pool.survey import Survey
from connectors.evm.repair.kafka_channel import KafkaOutcomes, KafkaRequests
from connectors.evm.repair.preparation import Preparation
from connectors.evm.repair.request import OUTCOMES, REQUESTS
from connectors.evm.repair.service import Repairs
from connectors.evm.rpc.endpoint import Endpoint
from headwater.clock import now_ms
from headwater.errors import Fatal, Transient
from headwater.evm.bloom import Bloom
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.retry import Retry
from headwater.settings import ChainSettings, Settings
from headwater.settings.chain import VerifyRoots
from headwater.settings.profiles import Profile, profile_of, with_profile
from schemas.registry import Registry
from topics.catalog import topic_name

T = TypeVar("T")
_log = get_logger("headwater.listen")


async def listen(settings: Settings, *, accept_fork: bytes | None = None) -> None:
    """Follow the chain of the settings until cancelled. Raises Fatal."""
    nodes, transport = connect(settings)
    looks = Survey(nodes)
    survey = asyncio.create_task(looks.run())
    survey.add_done_callback(_say_when_broken)
    try:
        chain_id = await _chain_id(nodes)
        chain = with_profile(settings.chain, chain_id)
        verifier = verifier_of(profile_of(chain_id, chain), chain.verify_roots)
        fetcher = _fetcher(chain, nodes, verifier, cache_bytes=chain.cache_bytes)
        registry = Registry(settings)
        raw_id = await _eventually("schema registry", lambda: registry.id_for(STREAM))
        heads_id = await _eventually("schema registry", lambda: registry.id_for(HEADS))
        outcomes_id = await _eventually("schema registry", lambda: registry.id_for(OUTCOMES))
        heads = Heads(settings, chain_id, heads_id)
        codec = EventCodec(chain_id, raw_id, reader=registry.reader(STREAM))
        stores = [KafkaStore(settings, topic_name(settings, STREAM), str(chain_id)) for _ in range(2)]
        log = AsyncLog(ChainLog(stores[0], codec, settings.client_id, now_ms), Retention(now_ms))
        looks.finalized = lambda: log.finalized
        progress = ProgressReporter(chain.name, heads)
        repairs = Repairs(
            chain.name,
            KafkaRequests(settings, registry.reader(REQUESTS)),
            KafkaOutcomes(settings, chain_id, outcomes_id, registry.reader(OUTCOMES)),
            log,
            progress,
            Preparation(
                chain_id,
                log,
                Search(stores[1], EventCodec(chain_id, raw_id, reader=registry.reader(STREAM))),
                _fetcher(chain, nodes.aside(), verifier),
            ),
            now_ms,
        )
        try:
            listener = Listener(
                chain,
                nodes,
                fetcher,
                log,
                progress,
                PollTicker(chain.poll_seconds),
                accept_fork=accept_fork,
                repairs=repairs,
            )
            await listener.run()
        finally:
            stores[1].interrupt()
            await repairs.close()
            stores[1].close()
            await log.close()
            heads.close()
    finally:
        survey.cancel()
        await asyncio.gather(survey, return_exceptions=True)
        await transport.close()


def _say_when_broken(survey: asyncio.Task[None]) -> None:
    """The chain is followed without it too, by failover alone."""
    if not survey.cancelled() and (error := survey.exception()) is not None:
        _log.error("endpoints are not compared any more: start the listener again", exc_info=error)


def verifier_of(profile: Profile, roots: VerifyRoots) -> Verifier:
    """The checks of a chain with these habits."""
    bloom = Bloom()
    return Verifier(
        bloom,
        header_hash=profile.verify_header_hash,
        logs_bloom=profile.verify_bloom,
        gas_used=profile.verify_gas_used,
        log_indexes=profile.log_indexes,
        roots=RootChecks(bloom, roots, profile.roots),
    )


def _fetcher(chain: ChainSettings, nodes: Nodes, verifier: Verifier, *, cache_bytes: int = 0) -> Fetcher:
    quorum = Quorum(chain.name, nodes, chain.quorum, chain.stale_head_seconds) if chain.quorum > 1 else None
    return Fetcher(
        chain.name,
        nodes,
        verifier,
        chain.traces,
        block_receipt=bool(chain.block_receipt),
        quorum=quorum,
        cache_bytes=cache_bytes,
    )


async def _chain_id(nodes: Nodes) -> int:
    async def admitted(endpoint: Endpoint) -> str:
        return endpoint.name

    # The first node that is admitted tells the chain where the settings do not.
    await nodes.ask(admitted)
    if nodes.chain_id is None:
        raise Fatal("no endpoint gives its chain id", remedy="set HEADWATER_CHAIN__CHAIN_ID")
    return nodes.chain_id


async def _eventually(part: str, work: Callable[[], T]) -> T:
    def waits(error: Transient, seconds: float) -> None:
        HEALTH.report(part, False, str(error))
        _log.warning("not there yet", part=part, reason=str(error), retry_in=round(seconds, 2))

    result = await Retry(on_failure=waits).run(lambda: asyncio.to_thread(work))
    HEALTH.report(part, True)
    return result
