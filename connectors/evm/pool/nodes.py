"""Several endpoints of one chain with failover: a piece of work runs whole on one node.

The node that answered last stays the first choice, so that data does not flip-flop between nodes that
disagree; one that does badly is asked after the others until it does better. Where the first choice takes
unusually long, the next one is asked beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from connectors.evm.events import Head
from connectors.evm.pool.admission import Admission
from connectors.evm.pool.asking.deadline import SECONDS
from connectors.evm.pool.asking.failover import Failover
from connectors.evm.pool.asking.rounds import Rounds, Sleep
from connectors.evm.pool.asking.single import Single
from connectors.evm.pool.asking.together import Together
from connectors.evm.pool.asking.work import T, Work
from connectors.evm.pool.comparison import Compared, compared
from connectors.evm.pool.cordon import Cordons
from connectors.evm.pool.order import Order
from connectors.evm.pool.standing import Standing
from connectors.evm.rpc.endpoint import Endpoint
from headwater.health import HEALTH

GRACE_SECONDS: Final = 1.0
"""How long the others are waited for once one endpoint has answered a question to all."""
MAJORITY_GRACE_SECONDS: Final = 5.0
"""The same once most of them have."""


class Nodes:
    """Failover over endpoints, in the order given. `expected`: the chain's id, None for the first node's.

    A question may take `seconds`, of one endpoint after the other and of all; `clock` gives seconds. `part`
    is what health calls them; None where whoever asks says how it stands, and where their order is nobody
    else's, for which no gauge is written.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        expected: int | None,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        part: str | None = "nodes",
        cordons: Cordons | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._seconds = seconds
        self._order = Order(endpoints, clock, shown=part is not None)
        self._part = part
        self._sleep = sleep
        self._clock = clock
        self._admission = Admission(expected, clock)
        self.cordons = cordons or Cordons(clock)
        self._single = Single(self._order, self._admission, self.cordons)
        failover = Failover(self._single, self._order, clock)
        self._rounds = Rounds(
            self._order, self._admission, self.cordons, failover, sleep, clock, seconds, self._report
        )
        self._together = Together(self._order, self._single, self.cordons, clock, seconds, self._report)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Those of the chain, the first choice first."""
        return self._order.endpoints

    @property
    def size(self) -> int:
        """How many endpoints there are, usable or not."""
        return len(self._order.endpoints)

    @property
    def chain_id(self) -> int | None:
        """The chain's id, None until it is known."""
        return self._admission.chain_id

    def standing(self, endpoint: Endpoint) -> Standing:
        """How an endpoint has done lately."""
        return self._order.standings[endpoint.name]

    async def ask(self, work: Work[T], *, kind: str | None = None, rounds: int | None = None) -> T:
        """The result of `work` on the first endpoint that does it, retried with backoff.

        `work` may raise NodeFailure (tried elsewhere) or Unsupported (elsewhere too; passed on when no
        endpoint can do it). After `rounds` over all endpoints (None: any number) the last NodeFailure is
        raised, and Overdue when the time is over that a question may take.
        Work of a `kind` is begun on a second endpoint too where it takes longer than that kind usually does.
        """
        return await self._rounds.until_answered(work, kind, rounds)

    async def on(self, endpoint: Endpoint, work: Callable[[], Awaitable[T]]) -> T:
        """The result of `work` on this endpoint, counted in its standing. Raises what the work raises."""
        return await self._single.on(endpoint, work)

    async def best(self, work: Work[T], rank: Callable[[T], int]) -> T | None:
        """The result that ranks highest of `work` on all endpoints at once, None when there is none.

        The endpoint that gave it is the first choice from then on, unless the present one ranks as high.
        Raises Overdue when none is there in the time that a question may take.
        """
        answers = await self._together.ask(work, GRACE_SECONDS, 1)
        if answers.overdue is not None:
            raise answers.overdue
        if not answers.found:
            return None
        endpoint, result = max(answers.found, key=lambda each: rank(each[1]))
        self._order.prefer(endpoint)
        return result

    async def each(self, work: Work[T], *, enough: int | None = None) -> list[tuple[str, T]]:
        """The results of `work` on all endpoints at once, with their names; of those that have one.

        Once most have answered, or `enough`, the others are not waited for much longer, and none is when
        the time is over that a question may take.
        """
        most = self.size // 2 + 1
        needed = enough or most
        answers = await self._together.ask(work, MAJORITY_GRACE_SECONDS, min(most, needed), needed)
        return [(endpoint.name, result) for endpoint, result in answers.found]

    async def soon(self, work: Work[T]) -> list[tuple[str, T]]:
        """The same of those only that answer shortly after the first."""
        answers = await self._together.ask(work, GRACE_SECONDS, 1)
        return [(endpoint.name, result) for endpoint, result in answers.found]

    async def compare(self, known: Head) -> Compared:
        """What the endpoints say of this final block; those with another one are cordoned if any has it."""
        return await compared(self.endpoints, known, self.cordons)

    async def cordon_others(self, known: Head) -> int:
        """The same; returns how many were cordoned."""
        return (await self.compare(known)).cordoned

    def recheck(self) -> None:
        """Have every endpoint report its chain and state again before it is used."""
        self._admission.recheck()

    def pass_over(self, name: str) -> bool:
        """Ask others before this endpoint for a while; False where there is nobody else."""
        return self._order.pass_over(name)

    def aside(self) -> Nodes:
        """The same endpoints for other work: which of them it prefers or passes over does not matter here."""
        return Nodes(
            self.endpoints,
            self.chain_id,
            sleep=self._sleep,
            clock=self._clock,
            part=None,
            cordons=self.cordons,
            seconds=self._seconds,
        )

    def _report(self, ok: bool, detail: str) -> None:
        if self._part is not None:
            HEALTH.report(self._part, ok, detail)
