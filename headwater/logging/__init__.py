"""Logs on standard error: JSON for machines, aligned lines for people.

Read it in this order: `subject` (how a line says which message, event and block it is of), `plain` (the
form for people).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from headwater.logging.plain import short_place
from headwater.logging.subject import Fields, about, add_subject
from headwater.redaction import redact

__all__ = ["Fields", "about", "configure", "get_logger"]

_OF_THIS_PROCESS: dict[str, str] = {}


def _of_this_process(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A thread begins with an empty context: what holds for the whole process does not come from one."""
    for name, value in _OF_THIS_PROCESS.items():
        event.setdefault(name, value)
    return event


SHARED: tuple[Processor, ...] = (
    _of_this_process,
    add_subject,
    structlog.stdlib.add_logger_name,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """A net under the places that make error text: tracebacks, and what libraries log of their own."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure(role: str, level: str = "INFO", format: str = "auto", *, chain: str = "") -> None:
    """Send structlog and the standard library's loggers through one formatter on standard error.

    `format` is `json`, `human` or `auto` (human on a terminal). `role` and, where there is
    one, `chain` are in every line, of any thread and of any library.
    The root level never goes above INFO's number by our hand: Faust sets the root logger to DEBUG
    when it finds it at WARNING or above.
    """
    json = format == "json" or (format == "auto" and not sys.stderr.isatty())
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    tail: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    tail.append(structlog.processors.format_exc_info if json else short_place)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(foreign_pre_chain=list(SHARED), processors=[*tail, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(min(logging.getLevelName(level.upper()), logging.INFO))
    logging.getLogger("headwater").setLevel(level.upper())
    for noisy in ("aiokafka", "faust", "mode", "urllib3", "asyncio", "websockets", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of each connection that it closes instead of keeping: no news for anybody.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
    _OF_THIS_PROCESS.clear()
    _OF_THIS_PROCESS.update({"role": role} | ({"chain": chain} if chain else {}))


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger that takes an event and keywords: `log.info("block applied", number=7)`."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))
