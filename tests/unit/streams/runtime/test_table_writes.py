"""Writes to a table wait for Kafka as long as that takes, and say so; a client that never answers hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.retry import Stopped
from headwater.settings import Settings, load_settings
from streams.runtime.app import create_app, take_slot
from streams.runtime.table_writes import Changes, TableWrites, request_seconds
from tests.fakes.watched import BOUND, Watched

CHANGES = [(b"1", b"x"), (b"2", None)]


class RevokedError(Exception):
    """Stands for what the runner's check raises."""


class Table:
    """Acknowledges when told to."""

    def __init__(self) -> None:
        self.acknowledged = asyncio.Event()
        self.written: list[Changes] = []

    def content(self) -> Mapping[bytes, bytes]:
        return {}

    async def write(self, changes: Changes) -> None:
        await self.acknowledged.wait()
        self.written.append(changes)


class Turns:
    """Stands for `check`, which is asked in each turn, `during` which something may happen."""

    def __init__(self, during: Callable[[int], object]) -> None:
        self._during = during
        self._turns = 0

    def __call__(self) -> None:
        self._during(self._turns)
        self._turns += 1


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": str(tmp_path)}, environ={})


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    monkeypatch.setattr("streams.runtime.table_writes._TURN_SECONDS", 0)
    clock = SimpleNamespace(monotonic=watched.clock)
    monkeypatch.setattr("streams.runtime.table_writes.time", clock)
    return watched


async def test_a_changelog_that_lacks_replicas_is_waited_for_and_told(
    settings: Settings, watched: Watched
) -> None:
    table, details = Table(), []

    def during(turn: int) -> None:
        if turn:
            watched.takes(5)
        if turn > 1:
            details.append(HEALTH.checks()["table"])
        if turn == 20:
            table.acknowledged.set()

    with watched.beats.loop(Loop.STAGE):
        await TableWrites(settings, table, threading.Event()).write(CHANGES, Turns(during))
    assert watched.seen == []
    assert not any(check.ok for check in details)
    assert details[-1].detail == "2 entries wait for Kafka since 95 s: are enough replicas in sync?"
    assert HEALTH.checks()["table"].ok
    assert table.written == [CHANGES]


async def test_a_client_that_gives_no_answer_hangs(settings: Settings, watched: Watched) -> None:
    table = Table()
    longest = 4 * request_seconds(settings) + BOUND

    def during(turn: int) -> None:
        if turn:
            watched.takes(5)
        if turn * 5 > longest + 10:
            table.acknowledged.set()

    with watched.beats.loop(Loop.STAGE):
        await TableWrites(settings, table, threading.Event()).write(CHANGES, Turns(during))
    assert set(watched.seen) == {"stage"}


async def test_a_stop_ends_the_wait(settings: Settings, watched: Watched) -> None:
    stop, table = threading.Event(), Table()
    with pytest.raises(Stopped, match="the changelog acknowledged nothing"):
        await TableWrites(settings, table, stop).write(CHANGES, Turns(lambda turn: turn and stop.set()))
    assert table.written == []


async def test_a_partition_that_is_given_out_anew_ends_the_wait_and_what_was_told(
    settings: Settings, watched: Watched
) -> None:
    def during(turn: int) -> None:
        if turn == 3:
            raise RevokedError

    with pytest.raises(RevokedError):
        await TableWrites(settings, Table(), threading.Event()).write(CHANGES, Turns(during))
    assert HEALTH.checks()["table"].ok


async def test_a_write_that_fails_is_told(
    settings: Settings, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, details = Table(), []
    table.acknowledged.set()
    monkeypatch.setattr("streams.runtime.table_writes._PAUSE_SECONDS", 0)
    write = table.write
    fails = iter([True] * 12)

    async def refuses(changes: Changes) -> None:
        if next(fails, False):
            raise Transient("changelog did not take a write")
        await write(changes)

    monkeypatch.setattr(table, "write", refuses)
    during = Turns(lambda turn: turn and details.append(HEALTH.checks()["table"].detail))
    await TableWrites(settings, table, threading.Event()).write(CHANGES, during)
    assert details == ["changelog did not take a write"] * 12
    assert HEALTH.checks()["table"].ok


@pytest.mark.parametrize("session", [10_000, 120_000], ids=["usual session", "long session"])
def test_what_a_write_may_take_is_what_fausts_client_is_told(tmp_path: Path, session: int) -> None:
    settings = load_settings(
        {"data_dir": str(tmp_path), "kafka": {"session_timeout_ms": session}}, environ={}
    )
    slot = take_slot(settings, "state")
    try:
        app = create_app(settings, "state", slot)
        assert app.conf.producer_request_timeout == request_seconds(settings)
    finally:
        slot.lock.release()
