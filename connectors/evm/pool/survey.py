"""Looks at all endpoints now and then, used ones or not: how fast they answer, how far they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from connectors.evm.events import Head
from connectors.evm.pool.nodes import Nodes
from connectors.evm.pool.standing import CallOutcome
from connectors.evm.rpc.answers import NodeFailure, Unsupported, is_null
from connectors.evm.rpc.endpoint import Endpoint
from headwater.at_once import all_of
from headwater.digits import quantity
from headwater.evm.answers.errors import UNREADABLE
from headwater.metrics import listener as metrics
from headwater.metrics.age import grows

SECONDS: Final = 15.0


class _Head(msgspec.Struct):
    timestamp: str


_decode = msgspec.json.Decoder(_Head).decode


class Survey:
    """Asks every endpoint for its head, all at once, every `seconds`, and waits no longer for the answer.

    `finalized` gives the last final block published, if any: who has another one is cordoned.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        seconds: float = SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        finalized: Callable[[], Head | None] = lambda: None,
    ) -> None:
        self.finalized = finalized
        self._nodes = nodes
        self._seconds = seconds
        self._sleep = sleep
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled. A single endpoint has nobody to be compared with."""
        while len(self._nodes.endpoints) > 1:
            await self.look()
            await self._sleep(self._seconds)

    async def look(self) -> None:
        """One look at every endpoint."""
        failures = await all_of(*(self._one(endpoint) for endpoint in list(self._nodes.endpoints)))
        if None in failures:
            for endpoint, failure in [each for each in failures if each is not None]:
                if failure.contradiction:
                    self._nodes.cordons.caught(endpoint, failure, _nothing_else)
        finalized = self.finalized()
        if finalized is not None:
            await self._nodes.cordon_others(finalized)

    async def _one(self, endpoint: Endpoint) -> tuple[Endpoint, NodeFailure] | None:
        """What went wrong, None when nothing did."""

        async def head() -> tuple[float, float]:
            began = self._clock()
            raw = await endpoint.call("eth_getBlockByNumber", "latest", False)
            took = self._clock() - began
            if is_null(raw):
                raise NodeFailure(endpoint.name, "eth_getBlockByNumber latest: null", "null")
            try:
                head_time = quantity(_decode(raw).timestamp)
            except UNREADABLE as error:
                raise NodeFailure(endpoint.name, f"eth_getBlockByNumber latest: {error}", "broken") from error
            if head_time is None:
                raise NodeFailure(endpoint.name, "eth_getBlockByNumber latest: no timestamp", "broken")
            return took, float(head_time)

        try:
            # Until the next look: those at the others grow old meanwhile.
            async with asyncio.timeout(self._seconds) as limit:
                took, head_time = await self._nodes.on(endpoint, head)
        except TimeoutError:
            if not limit.expired():
                raise
            self._nodes.standing(endpoint).add(CallOutcome.FAILED)
            return endpoint, NodeFailure(endpoint.name, f"no head within {self._seconds:g} s", "timeout")
        except NodeFailure as failure:
            return endpoint, failure  # Counted where it was raised.
        except Unsupported as error:
            return endpoint, NodeFailure(endpoint.name, error.what, "unsupported")
        self._nodes.standing(endpoint).looked(took, head_time)
        grows(metrics.NODE_HEAD_AGE.labels(endpoint.chain, endpoint.name), int(1_000 * head_time))
        return None


async def _nothing_else() -> None:
    """The endpoint is admitted again: a look at its head asks nothing more."""
