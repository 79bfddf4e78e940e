"""Processes of services on this machine, found by their ports."""

from __future__ import annotations

from urllib.parse import urlsplit

import psutil


def listener(url: str) -> psutil.Process:
    """The process that listens where the URL points to, on this machine."""
    port = urlsplit(url).port
    (found,) = {
        each.pid
        for each in psutil.net_connections("inet")
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    }
    return psutil.Process(found)


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds that it has used, in its own threads."""
    times = process.cpu_times()
    return times.user + times.system
