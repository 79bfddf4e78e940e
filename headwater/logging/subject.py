"""What log lines are about: told where the handling of it begins, asked for when a line is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Fields = Callable[[], Mapping[str, object]]
"""Names and values as they are when a line is written; what is None is left out. May not raise."""

_SUBJECT: ContextVar[Fields | None] = ContextVar("headwater_log_subject", default=None)


@contextmanager
def about(fields: Fields) -> Iterator[None]:
    """Every line that this thread or task writes inside of it carries these fields, libraries' lines too.

    Nothing is computed while nothing is logged, so that it may stand on a hot path. Of one inside
    another only the inner one holds: a line about a message says nothing of another.
    """
    token = _SUBJECT.set(fields)
    try:
        yield
    finally:
        _SUBJECT.reset(token)


def add_subject(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Adds what the line is about; what the line itself says holds."""
    fields = _SUBJECT.get()
    if fields is not None:
        for name, value in fields().items():
            if value is not None:
                event.setdefault(name, value)
    return event
