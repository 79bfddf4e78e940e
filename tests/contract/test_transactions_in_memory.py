"""The contract of transactions on the brokers that unit tests use."""

from __future__ import annotations

import pytest

from tests.contract.transactions import Topics, TransactionsContract
from tests.fakes.transactions import Brokers, Producer, Record


class FakeTopics:
    name = "topic"

    def __init__(self) -> None:
        self._brokers = Brokers()

    def producer(self, transactional_id: str | None) -> Producer:
        return self._brokers.producer(None, transactional_id=transactional_id)

    def committed(self) -> list[Record]:
        return self._brokers.topics.get(self.name, [])


class TestFakeTransactions(TransactionsContract):
    @pytest.fixture
    def topics(self) -> Topics:
        return FakeTopics()
