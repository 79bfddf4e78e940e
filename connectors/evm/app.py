"""The listener put together from settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from connectors.evm.head.heads import STREAM as HEADS
from connectors.evm.leadership.election import GroupElection
from connectors.evm.leadership.turns import Turns
from connectors.evm.leading import Leading, SchemaIds, verifier_of
from connectors.evm.log.codec import STREAM
from connectors.evm.log.follower import Follower
from connectors.evm.log.links.links import STREAM as LINKS
from connectors.evm.pool.connect import connect
from connectors.evm.pool.nodes import Nodes
from connectors.evm.pool.survey import Survey
from connectors.evm.repair.request import OUTCOMES
from connectors.evm.rpc.endpoint import Endpoint
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.logging import get_logger
from headwater.retry import Retry
from headwater.settings import Settings
from headwater.settings.profiles import profile_of, with_profile
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
    ticks = asyncio.create_task(HEALTH.beats.ticks())
    HEALTH.report("log", False, "not read yet")
    try:
        with HEALTH.beats.loop(Loop.CHAIN):
            await _follow(settings, nodes, looks, accept_fork)
    finally:
        survey.cancel()
        ticks.cancel()
        await asyncio.gather(survey, ticks, return_exceptions=True)
        await transport.close()


async def _follow(settings: Settings, nodes: Nodes, looks: Survey, accept_fork: bytes | None) -> None:
    chain_id = await _chain_id(nodes)
    chain = with_profile(settings.chain, chain_id)
    verifier = verifier_of(profile_of(chain_id, chain), chain.verify_roots)
    registry = Registry(settings)
    raw_id = await _eventually("schema registry", lambda: registry.id_for(STREAM))
    links_id = await _eventually("schema registry", lambda: registry.id_for(LINKS))
    heads_id = await _eventually("schema registry", lambda: registry.id_for(HEADS))
    outcomes_id = await _eventually("schema registry", lambda: registry.id_for(OUTCOMES))
    leading = Leading(
        settings,
        chain,
        chain_id,
        nodes,
        looks,
        verifier,
        registry,
        SchemaIds(raw_id, links_id, heads_id, outcomes_id),
    )
    if chain.standby:
        follower = Follower(leading.store(), leading.codec(), leading.links())
        turns = Turns(
            chain.name,
            GroupElection(settings, topic_name(settings, STREAM)),
            follower,
            lambda: leading.run(accept_fork=accept_fork, follower=follower),
        )
        await turns.run()
    else:
        await leading.run(accept_fork=accept_fork)


def _say_when_broken(survey: asyncio.Task[None]) -> None:
    """The chain is followed without it too, by failover alone."""
    if not survey.cancelled() and (error := survey.exception()) is not None:
        _log.error("endpoints are not compared any more: start the listener again", exc_info=error)


async def _chain_id(nodes: Nodes) -> int:
    async def admitted(endpoint: Endpoint) -> str:
        return endpoint.name

    def waits(error: Transient, seconds: float) -> None:
        _log.warning("no node tells its chain yet", reason=str(error), retry_in=round(seconds, 2))

    # The first node that is admitted tells the chain where the settings do not.
    await Retry(on_failure=waits).run(lambda: nodes.ask(admitted))
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
