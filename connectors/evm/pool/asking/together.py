"""All endpoints at once: how many must answer, how long those are waited for that are late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from typing import Final, Generic

from connectors.evm.pool.asking.deadline import Deadline, Overdue
from connectors.evm.pool.asking.given_up import GivenUp
from connectors.evm.pool.asking.single import Single
from connectors.evm.pool.asking.work import Failures, T, Won, Work
from connectors.evm.pool.order import Order
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.logging import get_logger

LATE_SECONDS: Final = 30.0
"""How long one that was late is not waited for again."""

_log = get_logger("headwater.listen.nodes")


class Together:
    """A question may take `seconds` by the `clock`; `report` is told how it stands with the nodes."""

    def __init__(
        self,
        order: Order,
        single: Single,
        cordons: Container[str],
        clock: Callable[[], float],
        seconds: float,
        report: Callable[[bool, str], None],
    ) -> None:
        self._order = order
        self._cordons = cordons
        self._single = single
        self._clock = clock
        self._seconds = seconds
        self._report = report
        self._given_up = GivenUp(order, report)
        self._overdue = False
        self._late: dict[str, float] = {}

    async def ask(self, work: Work[T], grace: float, enough: int, needed: int = 0) -> Answers[T]:
        """The results of those that have one; once `enough` have, the others have `grace` seconds more.

        Who wants to be left alone is asked only where the others are fewer than are `needed`, by default
        `enough`. When the question's time is over and too few have one, log, metric and health say so.
        """
        deadline, failed = Deadline(self._seconds, self._clock), Failures(1)
        endpoints = self._order.unless_resting(needed or enough, self._cordons)
        attempts = [asyncio.create_task(self._tried(endpoint, work, failed)) for endpoint in endpoints]
        answers = Answers(attempts)
        try:
            await deadline.within(answers.until(enough), failed)
            await self._until_late(endpoints, attempts, grace)
            self._in_time(answers)
        except Overdue:
            answers.overdue = deadline.overdue(failed, who=answers.too_few(enough))
            self._say(answers.overdue, failed)
        finally:
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)
        return answers

    async def _until_late(
        self, endpoints: Sequence[Endpoint], attempts: Sequence[asyncio.Task[Won[T] | None]], grace: float
    ) -> None:
        """Return when the others have answered, or have had their time."""
        now = self._clock()
        awaited = {
            attempt
            for endpoint, attempt in zip(endpoints, attempts, strict=True)
            if not attempt.done() and self._late.get(endpoint.name, now) <= now
        }
        if awaited:
            await asyncio.wait(awaited, timeout=grace)
        for endpoint, attempt in zip(endpoints, attempts, strict=True):
            if attempt.done():
                self._late.pop(endpoint.name, None)
            elif attempt in awaited:
                self._late[endpoint.name] = now + LATE_SECONDS

    async def _tried(self, endpoint: Endpoint, work: Work[T], failed: Failures) -> Won[T] | None:
        failed.unanswered.add(endpoint.name)
        try:
            result = await self._single.on(endpoint, lambda: work(endpoint))
        except (NodeFailure, Unsupported) as error:
            failed.unanswered.discard(endpoint.name)
            if isinstance(error, NodeFailure):
                failed.failures.append(error)
            else:
                failed.unsupported = error
            _log.debug("no answer to compare", endpoint=endpoint.name, reason=error.what)
            return None
        failed.unanswered.discard(endpoint.name)
        return endpoint, result

    def _say(self, overdue: Overdue, failed: Failures) -> None:
        self._overdue = True
        self._given_up.say(overdue, failed)
        _log.warning("a question to all nodes is given up", reason=overdue.what)

    def _in_time(self, answers: Answers[T]) -> None:
        """Whoever asks one endpoint after the other says the rest: only what was said here is taken back."""
        if self._overdue and answers.found:
            self._overdue = False
            self._report(True, ", ".join(endpoint.name for endpoint, _ in answers.found))


class Answers(Generic[T]):
    """What a question to all comes to; `overdue` is set where its time was over with too few results."""

    def __init__(self, attempts: Sequence[asyncio.Task[Won[T] | None]]) -> None:
        self._attempts = attempts
        self.overdue: Overdue | None = None

    @property
    def found(self) -> list[Won[T]]:
        """The results there are, in the order of the endpoints. Raises what an attempt stumbled over."""
        done = [each for each in self._attempts if each.done() and not each.cancelled()]
        return [won for each in done if (won := each.result()) is not None]

    async def until(self, enough: int) -> None:
        """Return when so many have a result, or all have answered."""
        pending = {each for each in self._attempts if not each.done()}
        while pending and len(self.found) < enough:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)

    def too_few(self, needed: int) -> str:
        """Who has a result, where more are needed."""
        names = [endpoint.name for endpoint, _ in self.found]
        who = f"{', '.join(names)} alone" if names else "none"
        return f"{needed} of {len(self._attempts)} endpoints must answer, and {who}"
