"""One endpoint after another until one has a result, and two of them at once where the first is slow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from connectors.evm.pool.asking.single import Single
from connectors.evm.pool.asking.work import Failures, T, Won, Work
from connectors.evm.pool.hedging import Hedging, raced
from connectors.evm.pool.order import Order
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.logging import get_logger
from headwater.metrics import listener as metrics

_log = get_logger("headwater.listen.nodes")


class Failover:
    """`clock` gives seconds; who answers first, and how fast, changes the `order`."""

    def __init__(self, single: Single, order: Order, clock: Callable[[], float]) -> None:
        self._single = single
        self._order = order
        self._clock = clock
        self._hedging = Hedging()

    async def first(
        self,
        work: Work[T],
        kind: str | None,
        endpoints: Sequence[Endpoint],
        failed: Failures,
        *,
        despite: bool = False,
    ) -> Won[T] | None:
        """The result of the first endpoint that has one, None when none has; then `failed` has why.

        Work of a `kind` is begun on a second endpoint too where it takes longer than that kind usually does.
        Endpoints that are cordoned are asked `despite` that.
        """
        waiting = deque(endpoints)
        while waiting:
            won = await self._next(work, kind, waiting, failed, despite)
            if won is not None:
                return won
        return None

    async def _next(
        self,
        work: Work[T],
        kind: str | None,
        waiting: deque[Endpoint],
        failed: Failures,
        despite: bool,
    ) -> Won[T] | None:
        """The result of the next endpoint that waits, or of the one after it where that is faster."""
        first = waiting.popleft()
        spare = next((each for each in waiting if not self._order.spares(each)), None)
        delay = None if kind is None or spare is None else self._hedging.delay(kind)
        if spare is None or delay is None:
            won = await self._tried(first, work, kind, failed, despite)
        else:
            second = spare
            won, both = await raced(
                lambda: self._tried(first, work, kind, failed),
                lambda: self._tried(second, work, kind, failed),
                delay,
                _has_result,
            )
            if both:
                waiting.remove(second)
                self._hedged(first, second, won)
                return won
        if won is not None:
            self._order.answered(won[0])
        return won

    def _hedged(self, first: Endpoint, second: Endpoint, won: Won[T] | None) -> None:
        faster = won is not None and won[0] is second
        metrics.NODE_HEDGES.labels(second.chain, second.name, "used" if faster else "unused").inc()
        if faster:
            self._order.was_faster(second)
        else:
            self._hedging.useless()

    async def _tried(
        self, endpoint: Endpoint, work: Work[T], kind: str | None, failed: Failures, despite: bool = False
    ) -> Won[T] | None:
        """The result of an endpoint, None when it has none; then `failed` has why."""
        began = self._clock()
        failed.unanswered.add(endpoint.name)
        try:
            result = await self._single.on(endpoint, lambda: work(endpoint), despite=despite)
        except Unsupported as error:
            failed.unanswered.discard(endpoint.name)
            failed.unsupported = error
            return None
        except NodeFailure as failure:
            failed.unanswered.discard(endpoint.name)
            failed.failures.append(failure)
            _log.warning(
                "bad answer of a node", endpoint=endpoint.name, reason=failure.what, attempt=failed.attempt
            )
            return None
        if kind is not None:
            self._hedging.took(kind, self._clock() - began)
        return endpoint, result


def _has_result(won: Won[T] | None) -> bool:
    """A quick null does not win over an answer that takes longer."""
    return won is not None and won[1] is not None
