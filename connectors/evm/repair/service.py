"""Answers requests beside the listener: gathers in a task of its own, publishes between two blocks.

A request is answered by an event and its outcome, in this order, and committed last: killed at any moment
it is answered again, by another event with the same content. Nothing here holds up the head: what waits for
Kafka, for the log's far end or for a node waits in the task, and the listener only takes what is ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from connectors.evm.events import Event
from connectors.evm.log.async_log import AsyncLog
from connectors.evm.log.branch import PublishedBranch
from connectors.evm.log.thread import Thread
from connectors.evm.repair.channel import Asked, Outcomes, Requests
from connectors.evm.repair.decision import RequestRejected
from connectors.evm.repair.preparation import Preparation, Prepared
from connectors.evm.repair.request import Outcome, Request, published, refused
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import on_its_own
from headwater.logging import about, get_logger
from headwater.metrics import listener as metrics
from headwater.retry import Retry
from topics.chainlog.kinds import EventKind

AT_ONCE: Final = 4
"""Requests that are answered between two blocks at most: each may be a block of megabytes."""
ATTEMPTS: Final = 5
"""How often a request is tried with nodes that fail, each time several times on each of them."""
T = TypeVar("T")
_log = get_logger("headwater.listen.repair")


class EventReporter(Protocol):
    """Reports what was published to the outside."""

    def published(self, events: Sequence[Event], sequence: int, branch: PublishedBranch) -> None: ...


@dataclass(slots=True)
class _Offer:
    """Requests whose answers are ready; of `outcomes` None is for one whose block has moved meanwhile."""

    prepared: Sequence[Prepared]
    outcomes: asyncio.Future[Sequence[Outcome | None]]


class Repairs:
    """The requests of one chain; `now_ms` is the clock."""

    def __init__(
        self,
        chain: str,
        requests: Requests,
        outcomes: Outcomes,
        log: AsyncLog,
        progress: EventReporter,
        preparation: Preparation,
        now_ms: Callable[[], int],
    ) -> None:
        self._chain = chain
        self._requests = requests
        self._outcomes = outcomes
        self._log = log
        self._progress = progress
        self._preparation = preparation
        self._now_ms = now_ms
        self._thread = Thread("repairs")
        self._kafka = Retry(on_failure=self._waits_for_kafka, on_recovery=self._goes_on)
        self._offer: _Offer | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Publish what is ready. Called between blocks; raises Transient where the log failed, and Fatal."""
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        elif self._task.done():
            self._task.result()
        offer, self._offer = self._offer, None
        if offer is None:
            return
        outcomes: list[Outcome | None] = []
        try:
            for prepared in offer.prepared:
                outcomes.append(await self._answer(prepared))
        finally:
            # Whatever the log did not take is prepared again, for the claim that comes next.
            outcomes += [None] * (len(offer.prepared) - len(outcomes))
            if not offer.outcomes.done():
                offer.outcomes.set_result(outcomes)

    async def close(self) -> None:
        """Stop where it stands: what is not committed is answered after the next start."""
        self._outcomes.interrupt()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        # What waits is the next leader's to count.
        metrics.REPAIR_REQUESTS_WAITING.clear()
        await self._thread.call(self._requests.close)
        await self._thread.call(self._outcomes.close)
        self._thread.end()

    async def _answer(self, prepared: Prepared) -> Outcome | None:
        request, answer = prepared.request, prepared.answer
        if self._preparation.stands(request) != prepared.stands:
            return None
        if isinstance(answer, RequestRejected):
            # What a listener says that was replaced without knowing would outlast the other's answer.
            await self._log.check_claim()
            with about(request.log_fields):
                _log.warning("repair refused", reason=str(answer))
            return refused(request, str(answer), decided_at=self._now_ms())
        head = answer.head
        assert head is not None
        sequence = await self._log.publish([answer])
        self._progress.published([answer], sequence, self._log.branch)
        self._preparation.remember({head.hash: sequence})
        removed = answer.kind is EventKind.REPAIR_REVERT
        with about(head.log_fields):
            _log.info(
                "repair published",
                request=request.request_id,
                kind=answer.kind.name,
                sequence=sequence,
                source=prepared.source,
            )
        return published(
            request,
            head.hash,
            sequence=sequence,
            removed=removed,
            source=prepared.source,
            decided_at=self._now_ms(),
        )

    async def _work(self) -> None:
        # A listener that hangs is not saved by requests that are tried again beside it.
        on_its_own()
        self._preparation.remember(await self._reads(self._outcomes.repairs))
        self._goes_on()
        while True:
            asked = await self._reads(lambda: self._requests.next(AT_ONCE))
            self._count_waiting()
            for batch in batches(asked):
                await self._answered(batch)

    async def _answered(self, batch: Sequence[Asked]) -> None:
        outcomes: list[Outcome] = []
        todo = [each.request for each in batch if each.request is not None]
        while todo:
            prepared = [await self._prepared(request) for request in todo]
            answers = await self._handed_over(prepared)
            todo = [request for request, answer in zip(todo, answers, strict=True) if answer is None]
            outcomes += [answer for answer in answers if answer is not None]
        await self._reads(lambda: self._outcomes.publish(outcomes))
        await self._reads(lambda: self._requests.commit(batch[-1].offset + 1))
        for outcome in outcomes:
            metrics.REPAIRS.labels(self._chain, outcome.outcome).inc()
        for each in batch:
            if each.request is None:
                metrics.REPAIRS.labels(self._chain, "UNREADABLE").inc()
                with about(each.log_fields):
                    _log.error("a request that cannot be read is left out", reason=each.problem)
        self._count_waiting()

    async def _handed_over(self, prepared: Sequence[Prepared]) -> Sequence[Outcome | None]:
        offer = _Offer(prepared, asyncio.get_running_loop().create_future())
        self._offer = offer
        return await offer.outcomes

    async def _prepared(self, request: Request) -> Prepared:

        def waits(error: Transient, seconds: float) -> None:
            HEALTH.report("repairs", True, f"block {request.block} waits for a node: {error}")
            _log.warning("trying again", reason=str(error), retry_in=round(seconds, 2))

        nodes = Retry(attempts=ATTEMPTS, on_failure=waits, on_recovery=self._goes_on)
        try:
            with about(request.log_fields):
                return await nodes.run(lambda: self._preparation.prepare(request, self._reads))
        except NodeFailure as error:
            self._goes_on()
            answer = RequestRejected(
                f"no node gave block {request.block} in {ATTEMPTS} attempts: {error}",
                "ask again when a node has it, or without a refetch where raw-blocks still has it",
            )
            return Prepared(request, self._preparation.stands(request), answer)

    async def _reads(self, work: Callable[[], T]) -> T:
        """Blocking work, tried until it is done: Kafka comes back, and until then the head goes on."""
        return await self._kafka.run(lambda: self._thread.call(work))

    def _waits_for_kafka(self, error: Transient, seconds: float) -> None:
        HEALTH.report("repairs", False, str(error))
        _log.warning("repairs wait for Kafka", reason=str(error), retry_in=round(seconds, 2))

    def _goes_on(self) -> None:
        HEALTH.report("repairs", True)

    def _count_waiting(self) -> None:
        metrics.REPAIR_REQUESTS_WAITING.labels(self._chain).set(self._requests.waiting())


def batches(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Runs in which no height occurs twice: the second repair of a block replaces the first one."""
    found: list[list[Asked]] = []
    heights: set[int] = set()
    for each in asked:
        height = None if each.request is None else each.request.block_number
        if not found or height in heights:
            found.append([])
            heights = set()
        found[-1].append(each)
        if height is not None:
            heights.add(height)
    return found
