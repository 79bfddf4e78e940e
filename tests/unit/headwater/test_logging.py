"""Every line says which process of which chain it is of, and what it is about, whoever writes it."""

from __future__ import annotations

import json
import logging as std_logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headwater import logging


@contextmanager
def configured(role: str, chain: str) -> Iterator[None]:
    """Logs as the process of a role writes them, to whatever standard error is now."""
    root = std_logging.getLogger()
    before, level = root.handlers[:], root.level
    logging.configure(role, format="json", chain=chain)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(each) for each in capsys.readouterr().err.splitlines()]


def test_lines_of_other_threads_and_of_libraries_say_whose_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work() -> None:
        logging.get_logger("headwater.test").warning("ours")
        std_logging.getLogger("some.library").warning("theirs")

    with configured("sink", "base"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [(each["event"], each["role"], each["chain"]) for each in lines(capsys)] == [
        ("ours", "sink", "base"),
        ("theirs", "sink", "base"),
    ]


def test_a_line_says_what_it_is_about_and_the_next_one_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.get_logger("headwater.test")
    with configured("sink", "base"):
        with logging.about(topic="logs", partition=3, offset=7, sequence=1):
            log.warning("inside", offset=8)
        log.warning("after")
    inside, after = lines(capsys)
    assert {name: inside[name] for name in ("topic", "partition", "offset", "sequence")} == {
        "topic": "logs",
        "partition": 3,
        "offset": 8,
        "sequence": 1,
    }
    assert "topic" not in after
