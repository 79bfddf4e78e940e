"""The contract of a sender on that of the role, and on the one that unit tests use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from connectors.delivery.channels.channel import Channel, ChannelSettings, Services
from connectors.delivery.channels.webhook import WebhookSettings
from connectors.delivery.queue.attempt import Outcome
from connectors.delivery.queue.notification import Notification
from connectors.delivery.sender import LoopSender
from headwater.settings import DeliverySettings
from tests.contract.delivery_sender import SECONDS, Attempts, SenderContract
from tests.fakes.delivery import FakeSender

NOT_HERE = WebhookSettings(url="https://a.example", secret_env="NOBODY")
_begun: SimpleQueue[asyncio.Future[Outcome]] = SimpleQueue()


class Awaiting:
    """A channel whose attempts end as they are told to."""

    async def send(self, notification: Notification) -> Outcome:
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        _begun.put(ended)
        return await ended


class AwaitingSettings(ChannelSettings):
    def make(self, services: Services) -> Channel:
        return Awaiting()


class InLoop:
    settings, unusable = AwaitingSettings(), NOT_HERE

    def __init__(self) -> None:
        while not _begun.empty():
            _begun.get()
        self.sender = LoopSender(DeliverySettings(), {})

    def end(self, outcome: Outcome) -> None:
        while (oldest := _begun.get(timeout=SECONDS)).done():
            pass  # it was broken off
        oldest.get_loop().call_soon_threadsafe(oldest.set_result, outcome)


class ByTheTest:
    settings, unusable = AwaitingSettings(), NOT_HERE

    def __init__(self) -> None:
        self.sender = FakeSender()

    def end(self, outcome: Outcome) -> None:
        self.sender.end(outcome)


class TestLoopSender(SenderContract):
    @pytest.fixture
    def attempts(self) -> Iterator[Attempts]:
        made = InLoop()
        yield made
        made.sender.close()


class TestFakeSender(SenderContract):
    @pytest.fixture
    def attempts(self) -> Attempts:
        return ByTheTest()
