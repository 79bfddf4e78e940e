"""Faust's Kafka consumer without its one-second pauses, and without the race that they hide.

Without an assignment, Faust looks for one every second. With one, it stops fetching a partition whose
buffer is full and, when that leaves nothing to fetch, sleeps for a second whatever the agent drains
meanwhile. Our applications follow one partition and buffer few messages, since a message is a block:
they would sleep most of the time.

While the buffers are full nothing is asked of the brokers, and aiokafka leaves the group of who asks for
nothing: a stage that waits for hours, at a gap or for a registry, says meanwhile that it is there, as polling
paused partitions would. One that hangs does not.

When an assignment begins, Faust empties the streams' buffers some time after it has resumed fetching:
what was fetched in between is lost until the next start. So nothing but changelogs is fetched until the
assignment is complete.

A fetch that was under way when the group went on to another generation brings the first messages of the new
one. Faust throws them away and seeks to what is committed; where nothing is yet, aiokafka leaves the position
behind them, and they would never come again. So such a partition is sought from its beginning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, cast

from faust.tables.manager import TableManager
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

from headwater.health import HEALTH
from headwater.heartbeat import Loop

# mode logs every start and stop of a service under its module's name.
logging.getLogger(__name__).setLevel(logging.WARNING)
_LONGEST_SECONDS = 1.0
# How soon a new assignment is noticed.
_ASSIGNMENT_SECONDS = 0.05


class PromptConsumer(Consumer):
    """Waits for room in a buffer instead of for a second to pass."""

    _room: asyncio.Event | None = None

    def on_buffer_drop(self, tp: TP) -> None:
        """Called by the queue of a partition when it has room again."""
        super().on_buffer_drop(tp)
        if self._room is not None:
            self._room.set()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to where the group goes on: the oldest message, where it has committed nothing yet."""
        committed: Mapping[TP, int | None] = await super().seek_to_committed()
        new = [tp for tp, offset in committed.items() if not offset and not self._is_changelog_tp(tp)]
        if moved := [tp for tp in new if self._position(tp)]:
            # Not by seek_to_beginning, which takes the position away until the brokers have answered.
            await self._thread.seek_wait(await self._thread.earliest_offsets(*moved))
        return cast("Mapping[TP, int]", committed)

    async def verify_all_partitions_active(self) -> None:
        """Left to headwater.standstill: Faust's own look ends the process while a position is asked for."""

    def _position(self, tp: TP) -> int | None:
        """The offset that is fetched next, where it is known."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        state = None if assignment is None else assignment.state_value(tp)
        # Read once: it is another thread's.
        return None if state is None else cast("int | None", state._position)

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:
        if self.flow_active and self.app.rebalancing:
            return await self._changelog_records()
        if self.flow_active and not self._get_active_partitions():
            if not self._buffered_partitions:
                await self.sleep(_ASSIGNMENT_SECONDS)
                return None, None
            await self._wait_for_room()
        records, partitions = await super()._wait_next_records(timeout)
        return records, partitions

    async def _changelog_records(self) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:
        partitions = {tp for tp in self._get_active_partitions() if self._is_changelog_tp(tp)}
        if not partitions:
            await self.sleep(_ASSIGNMENT_SECONDS)
            return None, None
        records: Mapping[TP, list[Any]] = await self._getmany(
            active_partitions=partitions, timeout=_ASSIGNMENT_SECONDS
        )
        return records, partitions

    async def _wait_for_room(self) -> None:
        self._room = asyncio.Event()
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                await self._room.wait()
        except TimeoutError:
            if not HEALTH.beats.hanging():
                self._thread.thread_loop.call_soon_threadsafe(self._poll_nothing)
        finally:
            self._room = None

    def _poll_nothing(self) -> None:
        """Begin and end a fetch without one, by which aiokafka knows that its records are still wanted."""
        with self._thread._ensure_consumer()._subscription.fetch_context():
            pass

    def beating(self) -> Future[None]:
        """Signs of life from the thread that fetches, until cancelled. Once it is started."""
        return asyncio.run_coroutine_threadsafe(HEALTH.beats.ticks(Loop.CONSUMER), self._thread.thread_loop)

    def finished_below(self, tp: TP, offset: int) -> None:
        """Take it that every message below an offset is done, also those that no stream was given.

        Faust commits nothing beyond a message that it delivered to nobody.
        """
        self._acked[tp] = [each for each in self._acked[tp] if each >= offset]
        self._committed_offset[tp] = offset


class PromptTransport(Transport):
    """The aiokafka transport with that consumer."""

    Consumer = PromptConsumer


class PromptTableManager(TableManager):
    """Does not give an application a second to declare its tables: ours are declared before it starts."""

    async def on_start(self) -> None:
        """Called once, when the application starts."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
