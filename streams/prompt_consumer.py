"""Faust's Kafka consumer without its one-second pauses.

Without an assignment, Faust looks for one every second. With one, it stops fetching a partition whose
buffer is full and, when that leaves nothing to fetch, sleeps for a second whatever the agent drains
meanwhile. Our applications follow one partition and buffer few messages, since a message is a block:
they would sleep most of the time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

# mode logs every start and stop of a service under its module's name.
logging.getLogger(__name__).setLevel(logging.WARNING)
_LONGEST_SECONDS = 1.0
# How soon a new assignment is noticed.
_ASSIGNMENT_SECONDS = 0.1


class PromptConsumer(Consumer):
    """Waits for room in a buffer instead of for a second to pass."""

    _room: asyncio.Event | None = None

    def on_buffer_drop(self, tp: TP) -> None:
        """Called by the queue of a partition when it has room again."""
        super().on_buffer_drop(tp)
        if self._room is not None:
            self._room.set()

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:
        if self.flow_active and not self._get_active_partitions():
            if not self._buffered_partitions:
                await self.sleep(_ASSIGNMENT_SECONDS)
                return None, None
            self._room = asyncio.Event()
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    await self._room.wait()
            except TimeoutError:
                pass
            finally:
                self._room = None
        records, partitions = await super()._wait_next_records(timeout)
        return records, partitions


class PromptTransport(Transport):
    """The aiokafka transport with that consumer."""

    Consumer = PromptConsumer
