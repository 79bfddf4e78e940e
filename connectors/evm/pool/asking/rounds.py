"""Round after round over the endpoints until one has a result, or the question's time is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random

from connectors.evm.pool.admission import Admission
from connectors.evm.pool.asking.deadline import Deadline, Overdue
from connectors.evm.pool.asking.failover import Failover
from connectors.evm.pool.asking.given_up import GivenUp
from connectors.evm.pool.asking.work import Failures, T, Won, Work
from connectors.evm.pool.cordon import Cordons
from connectors.evm.pool.order import Order
from connectors.evm.rpc.answers import NodeFailure
from headwater.heartbeat import waiting
from headwater.logging import get_logger
from headwater.retry import Backoff

Sleep = Callable[[float], Awaitable[None]]
_log = get_logger("headwater.listen.nodes")


class Rounds:
    """A question may take `seconds` by the `clock`; `report` is told how it stands with the nodes."""

    def __init__(
        self,
        order: Order,
        admission: Admission,
        cordons: Cordons,
        failover: Failover,
        sleep: Sleep,
        clock: Callable[[], float],
        seconds: float,
        report: Callable[[bool, str], None],
    ) -> None:
        self._order = order
        self._admission = admission
        self._cordons = cordons
        self._failover = failover
        self._sleep = sleep
        self._clock = clock
        self._seconds = seconds
        self._report = report
        self._given_up = GivenUp(order, report)
        self._random = Random()

    async def until_answered(self, work: Work[T], kind: str | None, rounds: int | None) -> T:
        """The result of `work`, after `rounds` at most; as `Nodes.ask`."""
        backoff = Backoff(random=self._random)
        deadline = Deadline(self._seconds, self._clock)
        before: Sequence[NodeFailure] | None = None
        while True:
            failed = Failures(backoff.attempts + 1)
            try:
                won = await deadline.within(self._round(work, kind, failed), failed, before or ())
            except Overdue as overdue:
                self._given_up.say(overdue, failed)
                raise
            if won is not None:
                return won[1]
            failures = failed.failures
            self._admission.refuse_wrong_chain(failures, len(self._order.endpoints))
            if failed.unsupported is not None and not failures:
                raise failed.unsupported
            if rounds is not None and failed.attempt >= rounds:
                raise failed.last(before, len(self._order.endpoints))
            wait = backoff.next(failed.retry_after)
            self._report(False, str(failed))
            # One short pause is of no interest; a long one, that they ask for, is.
            if backoff.attempts > 1 or failed.retry_after:
                _log.warning("no node gave a good answer", endpoints=len(failures), retry_in=round(wait, 2))
            left = deadline.left
            # Of a node's choosing: it may ask to be left alone for minutes.
            with waiting():
                await self._sleep(min(wait, left))
            if wait >= left:
                late = deadline.overdue(failed, before or ())
                self._given_up.say(late, failed)
                raise late
            before = failures

    async def _round(self, work: Work[T], kind: str | None, failed: Failures) -> Won[T] | None:
        """The result of the first endpoint of all that has one; None when none has: `failed` has why."""
        order = self._order.now()
        cordoned = [endpoint for endpoint in order if endpoint.name in self._cordons]
        usual = [endpoint for endpoint in order if endpoint not in cordoned]
        won = await self._failover.first(work, kind, usual, failed)
        if won is not None:
            self._admission.admitted()
            self._cordons.disproved(won[0], self._order.endpoints, failed.failures, work)
            self._cordons.others_answer(won[0])
            self._report(True, won[0].name)
            return won
        if cordoned and failed.no_help:
            won = await self._failover.first(work, None, cordoned, failed, despite=True)
            if won is not None:
                self._cordons.disproved(won[0], self._order.endpoints, failed.failures, work)
                self._report(False, self._cordons.only_these_answer(won[0]))
        return won
