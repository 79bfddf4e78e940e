"""What every long-running role does first: settings, logs, metrics, signals."""

from __future__ import annotations

import os
import platform
import signal
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from headwater import __version__, logging
from headwater.cli.configuration import configured
from headwater.health import HEALTH
from headwater.metrics.build import BUILD
from headwater.metrics.readiness import READY, SILENT
from headwater.metrics.server import serve
from headwater.settings import Settings
from headwater.silences import bound_of


def start_role(role: str, overrides: Mapping[str, object] | None = None) -> Settings:
    """Load settings, send logs to standard error, serve metrics and health. Raises Fatal on bad settings."""
    settings = configured(overrides)
    logging.configure(role, settings.log_level, settings.log_format, chain=settings.chain.name)
    BUILD.labels(settings.chain.name, role, __version__, platform.python_version()).set(1)
    HEALTH.watch(partial(_count, settings.chain.name, role))
    HEALTH.beats.bound = bound_of(settings)
    HEALTH.beats.watch(
        lambda loop, silence: SILENT.labels(settings.chain.name, role, loop).set_function(silence)
    )
    port = serve(settings.metrics_port, settings.metrics_host)
    if settings.metrics_port_file is not None:
        _write(settings.metrics_port_file, str(port))
    logging.get_logger("headwater.role").info("started", version=__version__, metrics_port=port)
    return settings


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set: loops look at it and drain. Call from the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _count(chain: str, role: str, part: str, ok: bool | None) -> None:
    """What a part says in /readyz, as a metric; None: it ended."""
    if ok is None:
        READY.remove(chain, role, part)
    else:
        READY.labels(chain, role, part).set(ok)


def _write(path: Path, text: str) -> None:
    # Readers must see the whole number or no file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="ascii")
    temporary.replace(path)
