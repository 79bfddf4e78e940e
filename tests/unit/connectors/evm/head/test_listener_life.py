"""A listener that waits for nodes or for Kafka lives, however long that takes; one that hangs does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import pytest

from connectors.evm.leadership.turns import Turns
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.follower import Follower
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.store import Outgoing
from connectors.evm.rpc.answers import HttpAnswer
from headwater.heartbeat import Loop
from headwater.settings import load_settings
from tests.fakes.election import Ballot
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, make_rig, served
from tests.fakes.watched import Watched

TURNS = 20


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def run_until(rig: Rig, watched: Watched, enough: asyncio.Event) -> None:
    """The listener as its process runs it, until a double has seen enough."""
    with watched.beats.loop(Loop.CHAIN):
        running = asyncio.create_task(rig.listener.run())
        async with asyncio.timeout(30):
            await enough.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await rig.close()


async def test_nodes_that_are_away_are_waited_for_without_end(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, enough, asked = make_rig(MemoryStore(), [served(3)[1]]), asyncio.Event(), [0]

    async def post(_: object, url: str, body: bytes) -> HttpAnswer:
        watched.takes()
        asked[0] += 1
        if asked[0] == TURNS:
            enough.set()
        raise TimeoutError

    monkeypatch.setattr(type(rig.transport), "post", post)
    await run_until(rig, watched, enough)
    assert watched.seen == []


async def test_the_pause_between_two_looks_may_be_longer_than_anything(watched: Watched) -> None:
    rig, enough = make_rig(MemoryStore(), [served(3)[1]]), asyncio.Event()

    class Ticker:
        async def wait(self) -> None:
            watched.never_ends()
            enough.set()
            await asyncio.sleep(0)

        def looked(self, number: int) -> None: ...

    cast(Any, rig.listener)._ticker = Ticker()
    await run_until(rig, watched, enough)
    assert watched.seen == []


async def test_a_write_that_never_returns_hangs_it(watched: Watched) -> None:
    loop, enough = asyncio.get_running_loop(), asyncio.Event()

    class Store(MemoryStore):
        def append(self, messages: Sequence[Outgoing]) -> list[int]:
            watched.never_ends()
            loop.call_soon_threadsafe(enough.set)
            return super().append(messages)

    await run_until(make_rig(Store(), [served(3)[1]]), watched, enough)
    assert set(watched.seen) == {"chain"}


async def test_who_stands_by_lives_while_kafka_is_slow(watched: Watched) -> None:
    loop, enough, reads = asyncio.get_running_loop(), asyncio.Event(), [0]

    class Store(MemoryStore):
        def bounds(self) -> tuple[int, int]:
            watched.takes()
            reads[0] += 1
            if reads[0] == 3:
                loop.call_soon_threadsafe(enough.set)
            return super().bounds()

    follower = Follower(Store(), EventCodec(CHAIN_ID, 7))

    async def lead() -> None: ...

    with watched.beats.loop(Loop.CHAIN):
        standing_by = asyncio.create_task(Turns("local", Ballot(), follower, lead).run())
        async with asyncio.timeout(30):
            await enough.wait()
    standing_by.cancel()
    with suppress(asyncio.CancelledError):
        await standing_by
    assert watched.seen == []


class Patient:
    """A producer that acknowledges after some polls, each of which takes its time."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._polls = TURNS
        self._report: Callable[[object, Any], None] = lambda error, message: None

    def produce(self, *_: object, on_delivery: Callable[[object, Any], None], **__: object) -> None:
        self._report = on_delivery

    def poll(self, seconds: float) -> None:
        self._watched.takes()
        self._polls -= 1
        if self._polls == 0:
            self._report(None, Acknowledged())


class Acknowledged:
    def offset(self) -> int:
        return 7


def test_brokers_that_acknowledge_late_are_waited_for(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.kafka.reader", lambda *_, **__: None)
    monkeypatch.setattr("headwater.kafka.producer", lambda *_, **__: Patient(watched))
    store = KafkaStore(load_settings(environ={}), "raw-blocks", "1")
    store.renew()
    with watched.beats.loop(Loop.CHAIN):
        assert store.append([Outgoing(b"value")]) == [7]
    assert watched.seen == []
