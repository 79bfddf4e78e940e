"""Work on one endpoint: admitted and not cordoned, at its pace, counted in how it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from connectors.evm.pool.admission import Admission
from connectors.evm.pool.asking.work import T
from connectors.evm.pool.cordon import Cordons
from connectors.evm.pool.order import Order
from connectors.evm.pool.standing import CallOutcome
from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.endpoint import Endpoint

# Failures that say nothing about how an endpoint does: it has not what was asked for, or may not be used.
_NEUTRAL: Final = frozenset({"null", "pruned", "rejected", "wrong chain", "syncing", "behind", "cordoned"})


class Single:
    """The gate that all work passes."""

    def __init__(self, order: Order, admission: Admission, cordons: Cordons) -> None:
        self._order = order
        self._admission = admission
        self._cordons = cordons

    async def on(self, endpoint: Endpoint, work: Callable[[], Awaitable[T]], *, despite: bool = False) -> T:
        """The result of `work` on this endpoint. Raises what the work raises.

        A cordoned endpoint is not asked, unless `despite` that nobody else answers.
        """
        standing, pace = self._order.standings[endpoint.name], self._order.paces[endpoint.name]
        async with pace.turn():
            try:
                if not despite:
                    await self._cordons.recheck(endpoint, self._admission.admit)
                await self._admission.admit(endpoint)
                result = await work()
            except NodeFailure as failure:
                self._admission.recheck(endpoint)
                if failure.outcome == "throttled":
                    standing.add(CallOutcome.THROTTLED)
                    pace.throttled(failure.retry_after)
                elif failure.outcome not in _NEUTRAL:
                    standing.add(CallOutcome.FAILED)
                    pace.rest(failure.retry_after)
                raise
            standing.add(CallOutcome.GOOD)
            pace.good()
            return result
