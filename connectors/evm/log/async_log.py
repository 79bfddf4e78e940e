"""The chain's log for a running event loop: one thread does its blocking calls, in order."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.evm.events import Content, Event, Head
from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.log.retention import Retention
from connectors.evm.log.thread import Thread
from connectors.evm.log.whole import Found
from connectors.evm.log.writer import ChainLog


class AsyncLog:
    """ChainLog's calls as coroutines. The branch may be read between them."""

    def __init__(self, log: ChainLog, retention: Retention) -> None:
        self._log = log
        self._retention = retention
        self._thread = Thread("chain-log")

    @property
    def branch(self) -> PublishedBranch:
        return self._log.branch

    @property
    def sequence(self) -> int:
        return self._log.sequence

    @property
    def finalized(self) -> Head | None:
        return self._log.finalized

    def repair_of(self, hash: bytes) -> Found | None:
        return self._log.repair_of(hash)

    async def open(self, *, finality: bool = True) -> None:
        await self._thread.call(lambda: self._log.open(finality=finality))

    async def publish(self, events: Sequence[Event]) -> int:
        return await self._thread.call(lambda: self._log.publish(events))

    async def content(self, link: Link) -> Content:
        return await self._thread.call(lambda: self._log.content(link))

    async def check_claim(self) -> None:
        await self._thread.call(self._log.check_claim)

    async def maintain(self) -> None:
        """Renew the claim and delete what is old, when that is due."""
        if self._retention.due():
            await self._thread.call(lambda: self._retention.maintain(self._log))

    async def close(self) -> None:
        """End the call under way and release the log."""
        self._log.interrupt()
        await self._thread.call(self._log.close)
        self._thread.end()
