"""All endpoints at once, and how long those are waited for that are late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from connectors.evm.pool.asking.single import Single
from connectors.evm.pool.asking.work import T, Won, Work
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.logging import get_logger

LATE_SECONDS: Final = 30.0
"""How long one that was late is not waited for again."""

_log = get_logger("headwater.listen.nodes")


class Together:
    """`clock` gives seconds."""

    def __init__(self, single: Single, clock: Callable[[], float]) -> None:
        self._single = single
        self._clock = clock
        self._late: dict[str, float] = {}

    async def ask(
        self, endpoints: Sequence[Endpoint], work: Work[T], grace: float, enough: int
    ) -> list[Won[T]]:
        """The results of those that have one; once `enough` have, the others have `grace` seconds more."""
        attempts = [asyncio.ensure_future(self._tried(endpoint, work)) for endpoint in endpoints]
        try:
            await self._until_late(endpoints, attempts, grace, enough)
            return [won for each in attempts if each.done() and (won := each.result()) is not None]
        finally:
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _until_late(
        self,
        endpoints: Sequence[Endpoint],
        attempts: Sequence[asyncio.Future[Won[T] | None]],
        grace: float,
        enough: int,
    ) -> None:
        """Return when all have answered, or enough have and the others have had their time."""
        pending = set(attempts)
        while pending and sum(each.done() and each.result() is not None for each in attempts) < enough:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        now = self._clock()
        awaited = {
            attempt
            for endpoint, attempt in zip(endpoints, attempts, strict=True)
            if attempt in pending and self._late.get(endpoint.name, now) <= now
        }
        if awaited:
            await asyncio.wait(awaited, timeout=grace)
        for endpoint, attempt in zip(endpoints, attempts, strict=True):
            if attempt.done():
                self._late.pop(endpoint.name, None)
            elif attempt in awaited:
                self._late[endpoint.name] = now + LATE_SECONDS

    async def _tried(self, endpoint: Endpoint, work: Work[T]) -> Won[T] | None:
        try:
            return endpoint, await self._single.on(endpoint, lambda: work(endpoint))
        except (NodeFailure, Unsupported) as error:
            _log.debug("no answer to compare", endpoint=endpoint.name, reason=error.what)
            return None
