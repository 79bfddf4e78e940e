"""What runs."""

from __future__ import annotations

from prometheus_client import Gauge

BUILD = Gauge(
    "headwater_build_info",
    "Always 1: a process of this role runs, with this version of Headwater and of Python",
    ["chain", "role", "version", "python"],
)
