"""Attempts, beside the thread that decides: an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from connectors.delivery.channels.channel import Channel, ChannelSettings, Services
from connectors.delivery.channels.http import Http
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.notification import Notification
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.logging import get_logger
from headwater.settings import DeliverySettings

_SECONDS: Final = 5.0
# Within a rebalance, which waits for it: breaking off is a matter of milliseconds where nothing is wrong.
_CANCEL_SECONDS: Final = 2.0
_log = get_logger("connectors.delivery")


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The end of an attempt; `ticket` is what it was given with."""

    ticket: object
    notification: Notification
    outcome: Outcome


class Sender(Protocol):
    """Attempts deliveries. `make` and `send` return at once."""

    def make(self, settings: ChannelSettings) -> Channel:
        """A channel. Raises Unusable."""

    def send(self, ticket: object, channel: Channel, notification: Notification) -> None:
        """Begin an attempt."""

    def cancel(self, tickets: Collection[object]) -> None:
        """Break off the attempts that were given with these, and wait for that. `done` does not have them."""

    def done(self) -> list[AttemptResult]:
        """Attempts that have ended since the last call."""

    def close(self) -> None:
        """Break off what is under way."""


class LoopSender:
    """`Sender` over a thread with an event loop."""

    def __init__(self, settings: DeliverySettings, environ: Mapping[str, str] = os.environ) -> None:
        self._loop = asyncio.new_event_loop()
        self._done: SimpleQueue[AttemptResult] = SimpleQueue()
        self._tasks: dict[asyncio.Task[None], object] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="sender", daemon=True)
        self._thread.start()
        self._ticks = asyncio.run_coroutine_threadsafe(HEALTH.beats.ticks(Loop.ATTEMPTS), self._loop)
        self._http = self._run(self._made(settings))
        self._services = Services(self._http, environ)

    def make(self, settings: ChannelSettings) -> Channel:
        return settings.make(self._services)

    def send(self, ticket: object, channel: Channel, notification: Notification) -> None:
        self._loop.call_soon_threadsafe(self._begin, ticket, channel, notification)

    def cancel(self, tickets: Collection[object]) -> None:
        if self._loop.is_closed():
            return
        try:
            # Behind what was sent before: an attempt that has not begun yet is broken off too.
            ended = self._run(self._cancelled(tickets))
        except TimeoutError:
            ended = False
        if not ended:
            _log.warning("attempts could not be broken off in time")

    def done(self) -> list[AttemptResult]:
        found: list[AttemptResult] = []
        while True:
            try:
                found.append(self._done.get_nowait())
            except Empty:
                return found

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._ticks.cancel()
        self._run(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def _begin(self, ticket: object, channel: Channel, notification: Notification) -> None:
        task = self._loop.create_task(self._attempt(ticket, channel, notification))
        self._tasks[task] = ticket
        task.add_done_callback(self._tasks.pop)

    async def _attempt(self, ticket: object, channel: Channel, notification: Notification) -> None:
        began = time.perf_counter()
        try:
            outcome = await channel.send(notification)
        except Exception as error:  # noqa: BLE001 - a defect of one channel must not stop the others
            _log.exception("a channel failed")
            outcome = Outcome(Answer.FAILED, None, f"this is a defect: {type(error).__name__}")
        _log.debug(
            "attempted",
            versions=[each.version for each in notification.deliveries],
            answer=outcome.answer.value,
            seconds=round(time.perf_counter() - began, 3),
        )
        self._done.put(AttemptResult(ticket, notification, outcome))

    async def _made(self, settings: DeliverySettings) -> Http:
        return Http(settings)

    async def _cancelled(self, tickets: Collection[object]) -> bool:
        """True when all of them have ended."""
        tasks = [task for task, ticket in self._tasks.items() if ticket in tickets]
        for task in tasks:
            task.cancel()
        return not tasks or not (await asyncio.wait(tasks, timeout=_CANCEL_SECONDS))[1]

    async def _ended(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_SECONDS)
