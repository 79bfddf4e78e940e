"""The chain's log for a running event loop: one thread does its blocking calls, in order."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from connectors.evm.events import Content, Event
from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.log.retention import Retention
from connectors.evm.log.writer import ChainLog

T = TypeVar("T")


class AsyncLog:
    """ChainLog's calls as coroutines. The branch may be read between them."""

    def __init__(self, log: ChainLog, retention: Retention) -> None:
        self._log = log
        self._retention = retention
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chain-log")

    @property
    def branch(self) -> PublishedBranch:
        return self._log.branch

    async def open(self, *, finality: bool = True) -> None:
        await self._call(lambda: self._log.open(finality=finality))

    async def publish(self, events: Sequence[Event]) -> int:
        return await self._call(lambda: self._log.publish(events))

    async def content(self, link: Link) -> Content:
        return await self._call(lambda: self._log.content(link))

    async def maintain(self) -> None:
        """Renew the claim and delete what is old, when that is due."""
        if self._retention.due():
            await self._call(lambda: self._retention.maintain(self._log))

    async def close(self) -> None:
        """End the call under way and release the log."""
        self._log.interrupt()
        await self._call(self._log.close)
        self._thread.shutdown(wait=True)

    async def _call(self, work: Callable[[], T]) -> T:
        # The thread's log lines say the role too, which is bound to the context.
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._thread, run, work)
