"""What /readyz and /healthz say, so that an alert can."""

from __future__ import annotations

from prometheus_client import Gauge

READY = Gauge(
    "headwater_ready",
    "1 while a part of the process is as it should be, 0 while it is not: /readyz says why",
    ["chain", "role", "part"],
)
SILENT = Gauge(
    "headwater_loop_silent_seconds",
    "Seconds since a loop of the process last went on, 0 while it rests or waits: /healthz says if it hangs",
    ["chain", "role", "loop"],
)
