"""The contract of a ledger on the one that unit tests use."""

from __future__ import annotations

import pytest

from connectors.delivery.queue.delivery import Delivery
from connectors.delivery.topic.ledger import Ledger
from tests.contract.delivery_ledger import DeliveryLedgerContract, Topic
from tests.fakes.delivery import FakeLedger, LedgerLog


class MemoryTopic:
    def __init__(self) -> None:
        self._log = LedgerLog()

    def queue(self, partition: int, *deliveries: Delivery) -> None:
        self._log.queue(partition, *deliveries)

    def member(self) -> Ledger:
        ledger = FakeLedger(self._log)
        ledger.take(0, 1)
        return ledger

    def fence(self, partition: int) -> None:
        FakeLedger(self._log).take(partition)


class TestFakeLedger(DeliveryLedgerContract):
    @pytest.fixture
    def topic(self) -> Topic:
        return MemoryTopic()
