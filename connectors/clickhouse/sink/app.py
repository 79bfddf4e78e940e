"""The ClickHouse sink as a process: from settings until it is asked to stop."""

from __future__ import annotations

import gc
import threading
from typing import Final

from connectors.clickhouse.sink.assembly import Assembly
from connectors.clickhouse.visibility.loop import SettleLoop
from connectors.clickhouse.visibility.moving.loop import MoveLoop
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.retry import Stopped
from headwater.settings import Settings

DRAIN_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 3.0


def run_sink(settings: Settings, stop: threading.Event, *, accept_topics: bool = False) -> bool:
    """Write the public topics to ClickHouse until `stop` is set. Raises Fatal.

    `accept_topics` goes on with topics that were made anew since ClickHouse's progress was stored.

    Returns False when a broker or ClickHouse did not release it in time: the caller should leave the process
    without waiting for threads.
    """
    # A batch is a hundred thousand tuples that live for a moment; scanning them for cycles at the default
    # pace costs as much as decoding them.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    HEALTH.report("kafka", False, "no partitions assigned yet")
    HEALTH.report("clickhouse", False, "not connected yet")
    with HEALTH.beats.loop(Loop.SINK):
        return _run(settings, stop, accept_topics=accept_topics)


def _run(settings: Settings, stop: threading.Event, *, accept_topics: bool) -> bool:
    try:
        assembly = Assembly(settings, stop)
        if accept_topics:
            assembly.accept_topics()
        sink = assembly.sink()
    except Stopped:
        return True
    try:
        with SettleLoop(settings), MoveLoop(settings):
            sink.run(stop)
        sink.drain(DRAIN_SECONDS)
    finally:
        # Leaving asks the broker, and a broker that is away must not keep the process.
        leaving = threading.Thread(target=sink.leave, name="sink-leave", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)
    return not leaving.is_alive()
