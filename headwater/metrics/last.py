"""What is counted, and when that was last: an alert asks for the time.

A counter's first count is no increase to Prometheus, and neither is one in a process that has just begun; a
time says the same whichever process told it, and for how long it may have been silent since.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from headwater import clock


def count(counter: Counter, last: Gauge, *labels: str) -> None:
    """One more, just now. Both have the same labels, or `last` the first of them."""
    counter.labels(*labels).inc()
    last.labels(*labels[: len(last._labelnames)]).set(clock.now_ms() / 1000)
