"""The contract of a producer's queue on the one that unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.producer_queue import ProducerQueueContract, Topic
from tests.fakes.kafka import QueueProducer


class InMemory:
    """The fake as the contract sees it."""

    name = "topic"

    def producer(self, room: int) -> QueueProducer:
        return QueueProducer(room=room)


class TestQueueProducer(ProducerQueueContract):
    @pytest.fixture
    def topic(self) -> Topic:
        return InMemory()
