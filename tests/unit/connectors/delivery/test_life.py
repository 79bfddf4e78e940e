"""Delivery that waits for Kafka or for receivers lives; a turn or a channel that never ends hangs it."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator

import pytest

from connectors.delivery.dispatcher import Dispatcher
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.notification import Notification
from connectors.delivery.sender import LoopSender
from connectors.delivery.topic.ledger import OnRevoke, Read
from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.retry import Backoff, Retry
from headwater.settings import DeliverySettings, load_settings
from tests.builders.deliveries import pending
from tests.fakes.delivery import FakeChannels, FakeLedger, FakeSender, LedgerLog
from tests.fakes.sink_thread import until
from tests.fakes.watched import BOUND, Watched

TURNS, SECONDS = 20, 10.0


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    return watched


class Reading(FakeLedger):
    """A ledger whose every read is what a test wants."""

    def __init__(self, read: Callable[[], None]) -> None:
        super().__init__(LedgerLog())
        self._read = read

    def read(self, seconds: float, on_revoke: OnRevoke = lambda partitions: None) -> Read:
        self._read()
        return super().read(seconds, on_revoke)


def turns(watched: Watched, read: Callable[[], None]) -> None:
    """As the process makes them."""
    dispatcher = Dispatcher(
        load_settings(environ={}), Reading(read), FakeChannels(), FakeSender(), lambda: 0, random.Random(1)
    )
    retry = Retry(backoff=Backoff(first=0.0, ceiling=0.0))
    with watched.beats.loop(Loop.LEDGER):
        for _ in range(TURNS):
            retry(lambda: dispatcher.turn(0.05))


def test_a_ledger_without_entries_is_no_silence(watched: Watched) -> None:
    turns(watched, watched.takes)
    assert watched.seen == []


def test_kafka_may_be_away_for_as_long_as_it_likes(watched: Watched) -> None:
    left = [TURNS]

    def away() -> None:
        watched.takes()
        left[0] -= 1
        if left[0] > 0:
            raise Transient("Kafka does not answer")

    turns(watched, away)
    assert watched.seen == []


def test_a_turn_that_never_ends_hangs_it(watched: Watched) -> None:
    turns(watched, watched.never_ends)
    assert set(watched.seen) == {"ledger"}


class Receiver:
    """A channel whose answer never comes; `meanwhile` holds up the event loop of all of them."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self.asked, self._answers = threading.Event(), asyncio.Event()

    async def send(self, notification: Notification) -> Outcome:
        self._meanwhile()
        self.asked.set()
        await self._answers.wait()
        return Outcome(Answer.TAKEN)


@pytest.fixture
def sender(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopSender]:
    monkeypatch.setattr("headwater.heartbeat.TICK_SECONDS", 0.0)
    sender = LoopSender(DeliverySettings())
    yield sender
    sender.close()


def attempt(sender: LoopSender, receiver: Receiver) -> None:
    sender.send(object(), receiver, Notification((pending(1, 10),)))
    assert receiver.asked.wait(SECONDS)


def test_a_channel_that_blocks_hangs_all_of_them(sender: LoopSender, watched: Watched) -> None:
    attempt(sender, Receiver(watched.never_ends))
    assert watched.seen == ["attempts"]


def test_a_receiver_that_does_not_answer_is_waited_for(sender: LoopSender, watched: Watched) -> None:
    attempt(sender, Receiver(lambda: None))
    for _ in range(TURNS):
        watched.clock.pass_(BOUND + 1)
        until(lambda: watched.beats.hanging() == [])
