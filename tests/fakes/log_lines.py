"""Log lines as the process of a role writes them."""

from __future__ import annotations

import json
import logging as std_logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from headwater import logging


@contextmanager
def configured(role: str, chain: str = "local", form: str = "json") -> Iterator[None]:
    """Within it logs go to whatever standard error is, in the form `json` or `human`."""
    root = std_logging.getLogger()
    before, level, made = root.handlers[:], root.level, structlog.get_config()
    logging.configure(role, format=form, chain=chain)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.configure(**made)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines in JSON that were written since the last call."""
    return [json.loads(each) for each in capsys.readouterr().err.splitlines()]
