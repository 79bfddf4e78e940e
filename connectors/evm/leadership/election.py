"""The election: a consumer group over raw-blocks, whose only partition makes its owner the leader."""

from __future__ import annotations

import asyncio
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from connectors.evm.log.thread import Thread
from headwater import kafka
from headwater.health import HEALTH
from headwater.heartbeat import Loop, beat
from headwater.logging import get_logger
from headwater.settings import Settings
from schemas.naming import name_of

GROUP: Final = "listen-leader"
HEARTBEATS: Final = 6
"""Heartbeats in a session: five may be lost before a leader is taken for dead."""
# A process whose event loop hangs for so long releases the lead, although its client's heart beats on.
_HANGS_MS: Final = 60_000
_POLL_SECONDS: Final = 0.25
_log = get_logger("headwater.listen.leadership")


class GroupElection:
    """A member of the group; `run` must go on for as long as it is one.

    Nothing is read and nothing committed. A leader that dies is replaced after `kafka.session_timeout_ms`,
    one that stops at once.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._thread = Thread("election")
        self._consumer: Consumer | None = None
        self._leads = False
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Be a member until cancelled. Raises Fatal when the brokers reject us."""
        try:
            with HEALTH.beats.loop(Loop.ELECTION):
                while True:
                    # Asked for by the event loop each time: if that hangs, so does the membership.
                    await self._thread.call(self._poll)
                    beat()
        finally:
            await asyncio.shield(self._thread.call(self._leave))
            self._thread.end()

    async def elected(self) -> None:
        """Return once this process leads."""
        await self._until(leads=True)

    async def ousted(self) -> None:
        """Return once it does not."""
        await self._until(leads=False)

    async def step_down(self) -> None:
        """Leave the group and join it again: another member, where there is one, leads first."""
        await self._thread.call(self._leave)

    async def _until(self, *, leads: bool) -> None:
        while self._leads is not leads:
            self._changed.clear()
            await self._changed.wait()

    def _poll(self) -> None:
        consumer = self._consumer or self._join()
        message = consumer.poll(_POLL_SECONDS)
        if message is not None and (error := message.error()) is not None:
            _log.warning("no news of who leads", reason=str(error))

    def _join(self) -> Consumer:
        session = self._settings.kafka.session_timeout_ms
        self._consumer = kafka.consumer(
            self._settings,
            name_of(self._settings, GROUP),
            options={
                "heartbeat.interval.ms": max(1, session // HEARTBEATS),
                "max.poll.interval.ms": max(session, _HANGS_MS),
                "auto.offset.reset": "latest",
            },
        )
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        return self._consumer

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()
        self._say(leads=False)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        if partitions:
            # Blocks are megabytes, and of no use here. Only what is assigned can be paused.
            consumer.pause(partitions)
            self._say(leads=True)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign(partitions)
        if partitions:
            self._say(leads=False)

    def _say(self, *, leads: bool) -> None:
        def say() -> None:
            self._leads = leads
            self._changed.set()

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(say)
