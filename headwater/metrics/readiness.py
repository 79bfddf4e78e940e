"""What /readyz says, so that an alert can."""

from __future__ import annotations

from prometheus_client import Gauge

READY = Gauge(
    "headwater_ready",
    "1 while a part of the process is as it should be, 0 while it is not: /readyz says why",
    ["chain", "role", "part"],
)
