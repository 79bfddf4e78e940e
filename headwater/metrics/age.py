"""Gauges of how old something is by now, whether or not anything happens meanwhile."""

from __future__ import annotations

from functools import partial

from prometheus_client import Gauge

from headwater import clock


def grows(gauge: Gauge, since_ms: int) -> None:
    """Have a gauge, its labels chosen, show at each scrape how many seconds ago a time was (ms since 1970).

    A value that is set when something comes stands still when nothing comes, which is when it matters. A
    time to come, which a clock ahead of ours gives, is not an age: 0.
    """
    gauge.set_function(partial(_seconds, since_ms))


def _seconds(since_ms: int) -> float:
    return max(0.0, (clock.now_ms() - since_ms) / 1000)
