"""Waits for brokers before a worker starts, and notices when a login stops working while it runs.

aiokafka tries for ever and says so only in its log. Whatever error it logs, librdkafka is asked why.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.retry import Backoff, Retry
from headwater.settings import Settings

REACH_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 5.0
_log = get_logger("streams.kafka")


async def rejected(settings: Settings) -> Fatal:
    """Return once the brokers reject us, with the reason. A broker that is merely away is waited for."""
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    # aiokafka's consumer lives in a thread of its own.
    handler = _Errors(lambda: loop.call_soon_threadsafe(heard.set))
    logger = logging.getLogger("aiokafka")
    logger.addHandler(handler)
    reach = partial(asyncio.to_thread, kafka.reach, settings, timeout=REACH_SECONDS)
    retry = Retry(backoff=Backoff(_PAUSE_SECONDS, _PAUSE_SECONDS), on_failure=_waiting)
    try:
        while True:
            await heard.wait()
            try:
                await retry.run(reach)
            except Fatal as reason:
                return reason
            heard.clear()
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        logger.removeHandler(handler)


async def brokers_answer(settings: Settings, stop: threading.Event) -> None:
    """Return once the brokers answer; meanwhile health says that they do not.

    aiokafka gives up at the first silence, and a process that leaves is started again into the same one.
    Raises Stopped when `stop` is set, Fatal when the brokers reject us.
    """

    def waits(error: Transient, seconds: float) -> None:
        HEALTH.report("assignment", False, str(error))
        _waiting(error, round(seconds, 2))

    retry = Retry(backoff=Backoff(ceiling=_LONGEST_PAUSE_SECONDS), stop=stop, on_failure=waits)
    await retry.run(partial(asyncio.to_thread, kafka.reach, settings, timeout=REACH_SECONDS))


def _waiting(error: Transient, seconds: float) -> None:
    _log.warning("waiting for Kafka", seconds=seconds, reason=str(error))


class _Errors(logging.Handler):
    """Calls back at every error that is logged."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__(logging.ERROR)
        self._call = call

    def emit(self, record: logging.LogRecord) -> None:
        self._call()
