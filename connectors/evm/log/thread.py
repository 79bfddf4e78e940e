"""A thread for blocking calls, one after the other, asked from an event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Thread:
    """Does what it is asked in order. A caller that is cancelled leaves its call running."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def call(self, work: Callable[[], T]) -> T:
        """What the work returns. Raises what it raises."""
        # The thread's log lines are about what the caller's are about.
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._executor, run, work)

    def end(self) -> None:
        """Wait for what is under way."""
        self._executor.shutdown(wait=True)
