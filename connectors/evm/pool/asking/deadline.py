"""How long a question may take, whatever happens beneath it: attempts, pauses, turns that are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from connectors.evm.pool.asking.work import Failures, T
from connectors.evm.rpc.answers import NodeFailure

SECONDS: Final = 300.0


class Overdue(NodeFailure):
    """Too few endpoints had a result in time, mostly none; the text says what each of them said last."""


class Deadline:
    """That of one question, `seconds` from now by the `clock`."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds, 0 at least."""
        return max(0.0, self._until - self._clock())

    async def within(self, attempt: Awaitable[T], failed: Failures, before: Sequence[NodeFailure] = ()) -> T:
        """What a round over the endpoints comes to, which notes in `failed` what goes wrong.

        Raises Overdue when it takes longer than there is left; then it is cancelled.
        """
        try:
            async with asyncio.timeout(self.left) as limit:
                return await attempt
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise self.overdue(failed, before) from error

    def overdue(self, failed: Failures, before: Sequence[NodeFailure] = (), who: str = "none") -> Overdue:
        """The error of a question whose last two rounds went so; `who` had a result."""
        reasons = {each.endpoint: str(each) for each in (*before, *failed.failures)}
        if failed.unsupported is not None:
            reasons[failed.unsupported.endpoint] = str(failed.unsupported)
        reasons |= {name: f"{name}: no answer yet" for name in sorted(failed.unanswered)}
        within = f"within {self._seconds:g} s (HEADWATER_CHAIN__OVERALL_TIMEOUT_SECONDS)"
        return Overdue(
            "nodes",
            f"{who} gave a good answer {within}: {'; '.join(reasons.values()) or 'none was asked yet'} "
            "(`headwater node check --rpc URL` tells what an endpoint can do)",
            "timeout",
        )
