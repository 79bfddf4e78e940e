"""Taking a partition over: what cannot be told yet is waited for, where it is seen."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.retry import Stopped
from headwater.settings import load_settings
from schemas import frame
from streams.logic.event import Messages
from streams.runtime.assembler import Incoming, Start
from streams.runtime.assignment import take_over
from streams.stage import Outcome, StageContext
from tests.fakes.stage import unread
from topics.groups import group_of

FIRST = Incoming(topic="t", partition=0, offset=5, key=None, value=None, headers=())


class Stage:
    """Has nothing to restore."""

    def restore(self, table: object) -> int | None:
        return None


class Output:
    """Takes everything."""

    def write(self, outcomes: list[Outcome]) -> None: ...

    def send_later(self, messages: Messages) -> None: ...


def take(tmp_path: Path, stop: threading.Event) -> object:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    context = StageContext(settings, group_of("enrich"), lambda _: frame(7), unread)
    return take_over(context, Stage(), {}, Output(), FIRST, stop)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    monkeypatch.setattr("streams.runtime.assignment.last_written", lambda *_: Start(9, None, 3))


def test_a_registry_that_is_not_whole_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def last_reached(_: StageContext) -> tuple[Start, tuple[int, int]]:
        check = HEALTH.checks().get("assignment")
        told.append("" if check is None or check.ok else check.detail)
        if len(told) < 3:
            raise Transient("the registry is not whole")
        return Start(), (40, 19)

    monkeypatch.setattr("streams.runtime.assignment.last_reached", last_reached)
    handler = take(tmp_path, threading.Event())
    assert handler.assembler.last == 9  # type: ignore[attr-defined]
    assert handler.recent == (40, 19)  # type: ignore[attr-defined]
    assert told[1:] == ["partition 0: the registry is not whole"] * 2


def test_a_drain_ends_the_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()

    def last_reached(_: StageContext) -> tuple[Start, tuple[int, int]]:
        stop.set()
        raise Transient("the registry is not whole")

    monkeypatch.setattr("streams.runtime.assignment.last_reached", last_reached)
    with pytest.raises(Stopped):
        take(tmp_path, stop)
