"""One listener of several: stands by, leads when it is elected, and stands by again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final, Protocol

from connectors.evm.log.follower import Follower
from connectors.evm.log.thread import Thread
from connectors.evm.log.writer import Fenced
from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import beat
from headwater.logging import get_logger
from headwater.metrics import listener as metrics
from headwater.retry import Backoff

_FOLLOW_SECONDS: Final = 1.0
_PART: Final = "leadership"
_log = get_logger("headwater.listen.leadership")


class Election(Protocol):
    """Says who leads. `run` is awaited beside the rest."""

    async def run(self) -> None:
        """Take part until cancelled. Raises Fatal."""

    async def elected(self) -> None:
        """Return once this process leads."""

    async def ousted(self) -> None:
        """Return once it does not."""

    async def step_down(self) -> None:
        """Let another one lead first."""


class Turns:
    """Standing by and leading, in turn. `lead` runs until cancelled; it may raise Fenced, and Fatal.

    While it stands by it reads the log along, so that there is little left to read when it is elected; what
    it knows is `follower`'s, which `lead` uses and gives up.
    """

    def __init__(
        self,
        chain: str,
        election: Election,
        follower: Follower,
        lead: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        self._chain = chain
        self._election = election
        self._follower = follower
        self._lead = lead
        self._thread = Thread("follower")

    async def run(self) -> None:
        """Until cancelled. Raises Fatal."""
        taking_part = asyncio.create_task(self._election.run())
        try:
            while True:
                self._show(leads=False)
                await _first(taking_part, self._stand_by())
                self._show(leads=True)
                try:
                    await _first(taking_part, self._election.ousted(), self._lead())
                except Fenced as error:
                    # Its CLAIM came later, so it is right: let the group say so, too.
                    _log.warning("another listener leads", reason=error.message)
                    await self._election.step_down()
                # What it waited for as the leader is the next one's to wait for.
                HEALTH.forget_failed()
        finally:
            metrics.LEADS.labels(self._chain).set(0)
            taking_part.cancel()
            await asyncio.gather(taking_part, return_exceptions=True)
            self._follower.interrupt()
            await self._thread.call(self._follower.close)
            self._thread.end()

    async def _stand_by(self) -> None:
        elected = asyncio.create_task(self._election.elected())
        backoff = Backoff()
        try:
            while not elected.done():
                beat()
                wait = _FOLLOW_SECONDS
                try:
                    await self._thread.call(self._follower.follow)
                    backoff.reset()
                    HEALTH.report("log", True)
                except Transient as error:
                    HEALTH.report("log", False, str(error))
                    wait = backoff.next()
                    _log.warning("cannot read along", reason=str(error), retry_in=round(wait, 2))
                await asyncio.wait({elected}, timeout=wait)
        finally:
            elected.cancel()

    def _show(self, *, leads: bool) -> None:
        metrics.LEADS.labels(self._chain).set(leads)
        HEALTH.report(_PART, True, "leads" if leads else "stands by")
        _log.info("leads" if leads else "stands by")


async def _first(*works: Awaitable[None]) -> None:
    """Return when one of the works is done, ending the others but the first. Raises what that one raises."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks[1:], return_exceptions=True)
