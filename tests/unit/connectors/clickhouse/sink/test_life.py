"""A sink that waits for Kafka or ClickHouse lives; one whose turn or lane never ends does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import cast

import pytest

from connectors.clickhouse.sink.consumer import Received
from connectors.clickhouse.sink.lane import Finished, Lane
from connectors.clickhouse.sink.loop import Group
from connectors.clickhouse.sink.retries import retry_for
from connectors.clickhouse.visibility.ticks import Ticks
from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from tests.fakes.group import FakeLog
from tests.fakes.sink import FakeTable
from tests.fakes.sink_thread import BLOCKS, COVERAGE, LOGS, SECONDS, SinkThread, Tables
from tests.fakes.watched import Watched

TURNS = 20


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    return watched


def run(watched: Watched, turn: Callable[[], None]) -> None:
    """Some turns of the loop, each of which waits for messages that do not come."""
    made = SinkThread(FakeLog([LOGS, BLOCKS, COVERAGE]), Tables(FakeTable(), FakeTable()))
    left = [TURNS]

    def receive(seconds: float) -> Received:
        turn()
        left[0] -= 1
        if not left[0]:
            made.stop.set()
        return Received()

    cast(Group, made.group).receive = receive  # type: ignore[method-assign]
    with watched.beats.loop(Loop.SINK):
        made.sink.run(made.stop)


def test_a_topic_without_messages_is_no_silence(watched: Watched) -> None:
    run(watched, watched.takes)
    assert watched.seen == []


def test_a_turn_that_never_ends_hangs_the_sink(watched: Watched) -> None:
    run(watched, watched.never_ends)
    assert set(watched.seen) == {"turns"}


def in_a_lane(job: Callable[[], None]) -> None:
    done: SimpleQueue[Finished[None]] = SimpleQueue()
    Lane("logs", done).start(job)
    finished = done.get(timeout=SECONDS)
    assert finished.error is None


def test_a_batch_that_never_comes_to_an_end_hangs_its_lane(watched: Watched) -> None:
    in_a_lane(watched.never_ends)
    assert watched.seen == ["lane logs"]
    watched.never_ends()
    assert watched.seen == ["lane logs"], "it rests"


def test_clickhouse_may_be_away_for_as_long_as_it_likes(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    left = [TURNS]

    def insert() -> None:
        watched.takes()
        left[0] -= 1
        if left[0]:
            raise Transient("ClickHouse does not answer")

    retry = retry_for("logs", threading.Event())
    in_a_lane(lambda: retry(insert))
    assert watched.seen == []


def test_what_settles_or_moves_beside_the_sink_is_watched_while_it_does(watched: Watched) -> None:
    ticked = threading.Event()

    def tick() -> None:
        watched.never_ends()
        ticked.set()

    with Ticks("settle", tick, lambda _: None, seconds=0.001):
        assert ticked.wait(SECONDS)
    assert watched.seen[0] == "beside settle"
