"""What runs beside the events of a stage may hang as well: their fetching, the configuration of alerts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.settings import load_settings
from streams.runtime.configuration import ConfigurationFollower
from streams.runtime.consumer import PromptConsumer
from tests.fakes.bounds import MemoryBounds
from tests.fakes.bounds import watched as watchdog
from tests.fakes.sink_thread import SECONDS, until
from tests.fakes.stage import unread
from tests.fakes.watched import BOUND, Watched

TURNS = 20


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    monkeypatch.setattr("headwater.heartbeat.TICK_SECONDS", 0.0)
    return watched


@pytest.fixture
def fetching() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of a thread of its own, as Faust's consumer has one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(SECONDS)
    loop.close()


def test_the_thread_that_fetches_hangs_when_something_blocks_it(
    watched: Watched, fetching: asyncio.AbstractEventLoop
) -> None:
    consumer: Any = PromptConsumer.__new__(PromptConsumer)
    consumer._thread = SimpleNamespace(thread_loop=fetching)
    beating = consumer.beating()
    until(lambda: watched.beats.loops() == ["consumer"])
    for _ in range(TURNS):
        watched.clock.pass_(BOUND + 1)
        until(lambda: watched.beats.hanging() == [])
    fetching.call_soon_threadsafe(watched.never_ends)
    until(lambda: watched.seen == ["consumer"])
    beating.cancel()
    # Cancelled, it is watched no more.
    until(lambda: rests(watched))


def rests(watched: Watched) -> bool:
    watched.clock.pass_(1)
    return watched.beats.silence("consumer") == 0


def follow(monkeypatch: pytest.MonkeyPatch, poll: Callable[[], None]) -> None:
    """The follower's thread, over a topic that says nothing for some polls."""
    left = [TURNS]

    class Client:
        def assign(self, partitions: object) -> None: ...

        def poll(self, seconds: float) -> None:
            poll()
            left[0] -= 1
            if not left[0]:
                raise Fatal("the end of the test")

        def close(self) -> None: ...

    asked = MemoryBounds()
    monkeypatch.setattr(
        "streams.runtime.configuration.standstill", lambda *_: watchdog("alert-configuration", asked)
    )
    monkeypatch.setattr("headwater.kafka.reader", lambda *_, **__: Client())
    settings = load_settings(environ={})
    ConfigurationFollower(settings, unread("alert-configuration"))._run()


def test_a_configuration_that_nobody_changes_is_no_silence(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(monkeypatch, watched.takes)
    assert watched.seen == []


def test_a_poll_that_never_returns_hangs_it(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(monkeypatch, watched.never_ends)
    assert set(watched.seen) == {"configuration"}
