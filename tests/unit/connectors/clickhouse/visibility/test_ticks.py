"""What becomes of a thread beside the sink whose work fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from connectors.clickhouse.visibility import ticks as module
from connectors.clickhouse.visibility.ticks import Ticks
from headwater.errors import Transient

SOON = 0.001
PATIENCE = 30.0


class Work:
    """Fails where told to; `reached` once all that was told has happened."""

    def __init__(self, *outcomes: str) -> None:
        self._outcomes: Iterator[str] = iter(outcomes)
        self.reached = threading.Event()

    def __call__(self) -> None:
        outcome = next(self._outcomes, None)
        if outcome is None:
            self.reached.set()
        elif outcome:
            raise Transient(outcome)


def test_of_failures_in_a_row_the_first_is_told_and_work_goes_on() -> None:
    work, told = Work("a", "b", "", "c", "d", ""), list[str]()
    with Ticks("work", work, lambda error: told.append(str(error)), seconds=SOON):
        assert work.reached.wait(PATIENCE)
    assert told == ["a", "c"]


def test_the_block_ends_while_work_fails() -> None:
    failed = threading.Event()

    def work() -> None:
        failed.set()
        raise Transient("ClickHouse is away")

    with Ticks("work", work, lambda error: None, seconds=SOON) as ticks:
        assert failed.wait(PATIENCE)
    assert ticks.join(PATIENCE)


def test_a_defect_is_told_and_the_next_tick_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    log, defect, again = Mock(), ValueError("no number"), threading.Event()
    outcomes = iter([defect])
    monkeypatch.setattr(module, "_log", log)

    def work() -> None:
        if (error := next(outcomes, None)) is not None:
            raise error
        again.set()

    with Ticks("work", work, lambda error: None, seconds=SOON):
        assert again.wait(PATIENCE)
    log.error.assert_called_once_with("a defect, trying again", thread="work", exc_info=defect)
