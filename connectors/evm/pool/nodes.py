"""Several endpoints of one chain with failover: a piece of work runs whole on one node.

The node that answered last stays the first choice, so that data does not flip-flop between nodes that
disagree; one that does badly is asked after the others until it does better. Where the first choice takes
unusually long, the next one is asked beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final, Protocol, TypeVar

from connectors.evm.events import Head
from connectors.evm.pool.admission import Admission
from connectors.evm.pool.comparison import Compared, compared
from connectors.evm.pool.cordon import SILENT, Cordons
from connectors.evm.pool.hedging import Hedging, raced
from connectors.evm.pool.order import Order
from connectors.evm.pool.standing import Outcome, Standing
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import AiohttpTransport, Endpoint, Transport, endpoints_of
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.metrics import listener as metrics
from headwater.retry import Backoff
from headwater.settings import Settings

# Failures that say nothing about how an endpoint does: it has not what was asked for, or may not be used.
_NEUTRAL: Final = frozenset({"null", "pruned", "rejected", "wrong chain", "syncing", "behind", "cordoned"})
_NO_HELP: Final = SILENT | {"rejected", "pruned", "wrong chain"}
_PROOFS: Final = frozenset(
    {"header_hash", "logs_bloom", "transactions_root", "receipts_root", "withdrawals_root"}
)
"""Checks of an answer by itself. Others fail where a fork comes between two calls too."""

GRACE_SECONDS: Final = 1.0
"""How long the others are waited for once one endpoint has answered a question to all."""
MAJORITY_GRACE_SECONDS: Final = 5.0
"""The same once most of them have."""
LATE_SECONDS: Final = 30.0
"""How long one that was late is not waited for again."""

T = TypeVar("T")
Work = Callable[[Endpoint], Awaitable[T]]
Sleep = Callable[[float], Awaitable[None]]
Won = tuple[Endpoint, T]
_log = get_logger("headwater.listen.nodes")


class Rejected(NodeFailure):
    """The node's answer failed a check: it is not published, another endpoint or moment is asked.

    `found` is what the answer has in place of what it should, "" where that is not told.
    """

    def __init__(self, endpoint: str, check: str, what: str, found: str = "") -> None:
        super().__init__(endpoint, what, "rejected")
        self.check = check
        self.found = found

    @property
    def evidence(self) -> tuple[str, ...] | None:
        return (self.check, self.found) if self.found else None

    @property
    def contradiction(self) -> str:
        return self.check if self.check in _PROOFS else ""


class Pool(Protocol):
    """What the listener needs of its nodes."""

    async def ask(self, work: Work[T], *, kind: str | None = None, rounds: int | None = None) -> T: ...

    async def best(self, work: Work[T], rank: Callable[[T], int]) -> T | None: ...

    async def each(self, work: Work[T]) -> list[tuple[str, T]]: ...

    async def soon(self, work: Work[T]) -> list[tuple[str, T]]: ...

    @property
    def size(self) -> int: ...

    def recheck(self) -> None: ...

    def pass_over(self, name: str) -> bool: ...

    async def compare(self, known: Head) -> Compared: ...


class _Failures:
    """What went wrong in one round over the endpoints."""

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        self.failures: list[NodeFailure] = []
        self.unsupported: Unsupported | None = None


class Nodes:
    """Failover over endpoints, in the order given. `expected`: the chain's id, None for the first node's.

    `clock` gives seconds. `part` is what health calls them; None where whoever asks says how it stands.
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
    ) -> None:
        self._order = Order(endpoints, clock)
        self._part = part
        self._sleep = sleep
        self._clock = clock
        self._admission = Admission(expected)
        self._hedging = Hedging()
        self.cordons = cordons or Cordons(clock)
        self._random = Random()
        self._late: dict[str, float] = {}

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
        endpoint can do it). After `rounds` over all endpoints (None: never) the last NodeFailure is raised.
        Work of a `kind` is begun on a second endpoint too where it takes longer than that kind usually does.
        """
        backoff = Backoff(random=self._random)
        before: Sequence[NodeFailure] | None = None
        while True:
            failed = _Failures(backoff.attempts + 1)
            order = self._order.now()
            cordoned = [endpoint for endpoint in order if endpoint.name in self.cordons]
            won = await self._first(work, kind, [each for each in order if each not in cordoned], failed)
            if won is not None:
                self._admission.admitted()
                self.cordons.disproved(won[0], self.endpoints, failed.failures, work)
                self.cordons.others_answer(won[0])
                self._report(True, won[0].name)
                return won[1]
            if cordoned and failed.unsupported is None and all(map(_is_no_help, failed.failures)):
                won = await self._first(work, None, cordoned, failed, despite=True)
                if won is not None:
                    self.cordons.disproved(won[0], self.endpoints, failed.failures, work)
                    self._report(False, self.cordons.only_these_answer(won[0]))
                    return won[1]
            failures = failed.failures
            self._admission.refuse_wrong_chain(failures, len(self.endpoints))
            if failed.unsupported is not None and not failures:
                raise failed.unsupported
            if rounds is not None and failed.attempt >= rounds:
                raise self._last(failures, before)
            before = failures
            wait = backoff.next(min((failure.retry_after for failure in failures), default=0.0))
            self._report(False, "; ".join(str(failure) for failure in failures))
            if backoff.attempts > 1:
                _log.warning("no node gave a good answer", endpoints=len(failures), retry_in=round(wait, 2))
            await self._sleep(wait)

    async def _first(
        self,
        work: Work[T],
        kind: str | None,
        order: Sequence[Endpoint],
        failed: _Failures,
        *,
        despite: bool = False,
    ) -> Won[T] | None:
        waiting = deque(order)
        while waiting:
            won = await self._next(work, kind, waiting, failed, despite)
            if won is not None:
                return won
        return None

    async def cordon_others(self, known: Head) -> int:
        """Cordon the endpoints with another block than this final one, if any has it; returns how many."""
        return (await self.compare(known)).cordoned

    async def compare(self, known: Head) -> Compared:
        """The same, and what all endpoints say."""
        return await compared(self.endpoints, known, self.cordons)

    def _last(self, failures: Sequence[NodeFailure], before: Sequence[NodeFailure] | None) -> NodeFailure:
        """The last failure of a round, marked where all endpoints failed alike, and did `before`, if at all.

        One bad answer of an only endpoint may be chance; what a chain makes otherwise is so each time.
        """
        last = failures[-1]
        rounds = [failures] if before is None else [failures, before]
        alike = [sum(each.evidence == last.evidence for each in found) for found in rounds]
        last.everywhere = last.evidence is not None and min(alike) == len(self.endpoints)
        return last

    async def on(self, endpoint: Endpoint, work: Callable[[], Awaitable[T]], *, despite: bool = False) -> T:
        """The result of `work` on this endpoint, counted in its standing. Raises what the work raises.

        A cordoned endpoint is not asked, unless `despite` that nobody else answers.
        """
        standing, pace = self.standing(endpoint), self._order.paces[endpoint.name]
        async with pace.turn():
            try:
                if not despite:
                    await self.cordons.recheck(endpoint, self._admission.admit)
                await self._admission.admit(endpoint)
                result = await work()
            except NodeFailure as failure:
                self._admission.recheck(endpoint)
                if failure.outcome == "throttled":
                    standing.add(Outcome.THROTTLED)
                    pace.throttled(failure.retry_after)
                elif failure.outcome not in _NEUTRAL:
                    standing.add(Outcome.FAILED)
                raise
            standing.add(Outcome.GOOD)
            pace.good()
            return result

    async def best(self, work: Work[T], rank: Callable[[T], int]) -> T | None:
        """The result that ranks highest of `work` on all endpoints at once, None when there is none.

        The endpoint that gave it is the first choice from then on, unless the present one ranks as high.
        """
        found = await self._all(work, GRACE_SECONDS, 1)
        if not found:
            return None
        endpoint, result = max(found, key=lambda each: rank(each[1]))
        self._order.prefer(endpoint)
        return result

    async def each(self, work: Work[T]) -> list[tuple[str, T]]:
        """The results of `work` on all endpoints at once, with their names; of those that have one.

        Once most have answered the others are not waited for much longer.
        """
        won = await self._all(work, MAJORITY_GRACE_SECONDS, self.size // 2 + 1)
        return [(endpoint.name, result) for endpoint, result in won]

    async def soon(self, work: Work[T]) -> list[tuple[str, T]]:
        """The same of those only that answer shortly after the first."""
        return [(each.name, result) for each, result in await self._all(work, GRACE_SECONDS, 1)]

    async def _all(self, work: Work[T], grace: float, enough: int) -> list[Won[T]]:
        """`grace` in seconds, for the others once `enough` have answered."""
        endpoints = list(self.endpoints)
        attempts = [asyncio.ensure_future(self._compared(endpoint, work)) for endpoint in endpoints]
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

    def recheck(self) -> None:
        """Have every endpoint report its chain and state again before it is used."""
        self._admission.recheck()

    def pass_over(self, name: str) -> bool:
        """Ask others before this endpoint for a while; False where there is nobody else."""
        return self._order.pass_over(name)

    async def _next(
        self,
        work: Work[T],
        kind: str | None,
        waiting: deque[Endpoint],
        failed: _Failures,
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
        self, endpoint: Endpoint, work: Work[T], kind: str | None, failed: _Failures, despite: bool = False
    ) -> Won[T] | None:
        """The result of an endpoint, None when it has none; then `failed` has why."""
        began = self._clock()
        try:
            result = await self.on(endpoint, lambda: work(endpoint), despite=despite)
        except Unsupported as error:
            failed.unsupported = error
            return None
        except NodeFailure as failure:
            failed.failures.append(failure)
            _log.warning(
                "bad answer of a node", endpoint=endpoint.name, reason=failure.what, attempt=failed.attempt
            )
            return None
        if kind is not None:
            self._hedging.took(kind, self._clock() - began)
        return endpoint, result

    async def _compared(self, endpoint: Endpoint, work: Work[T]) -> Won[T] | None:
        try:
            return endpoint, await self.on(endpoint, lambda: work(endpoint))
        except (NodeFailure, Unsupported) as error:
            _log.debug("no answer to compare", endpoint=endpoint.name, reason=error.what)
            return None

    def aside(self) -> Nodes:
        """The same endpoints for other work: which of them it prefers or passes over does not matter here."""
        return Nodes(
            self.endpoints,
            self.chain_id,
            sleep=self._sleep,
            clock=self._clock,
            part=None,
            cordons=self.cordons,
        )

    def _report(self, ok: bool, detail: str) -> None:
        if self._part is not None:
            HEALTH.report(self._part, ok, detail)


def _is_no_help(failure: NodeFailure) -> bool:
    """Whether an endpoint gave nothing that could be used; one that lags has only to be waited for."""
    return bool(failure.contradiction) or failure.outcome in _NO_HELP


def _has_result(won: Won[T] | None) -> bool:
    """A quick null does not win over an answer that takes longer."""
    return won is not None and won[1] is not None


def connect(settings: Settings) -> tuple[Nodes, Transport]:
    """The chain's nodes and the transport to close in the end. Call inside a running loop.

    Raises Fatal when no endpoint is set.
    """
    chain = settings.chain
    if not chain.rpc:
        raise Fatal("no node to listen to", remedy="give --rpc URL or set HEADWATER_CHAIN__RPC")
    if chain.quorum > len(chain.rpc):
        raise Fatal(
            f"{chain.quorum} endpoints must agree, and there are {len(chain.rpc)}",
            remedy="name more of them in HEADWATER_CHAIN__RPC, or lower HEADWATER_CHAIN__QUORUM",
        )
    transport = AiohttpTransport(chain.request_timeout_seconds, limit=chain.answer_bytes)
    urls = (secret.get_secret_value() for secret in chain.rpc)
    return Nodes(endpoints_of(chain.name, urls, transport), chain.chain_id), transport
