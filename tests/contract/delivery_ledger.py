"""What the dispatcher relies on in its ledger, in memory or in Kafka: subclasses say which."""

from __future__ import annotations

import time
from typing import Protocol

import pytest

from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.topic.ledger import Ledger
from headwater.errors import Fatal
from tests.builders.deliveries import pending

SECONDS = 30.0


class Topic(Protocol):
    """A ledger topic of the test's own, and its members."""

    def queue(self, partition: int, *deliveries: Delivery) -> None: ...
    def member(self) -> Ledger: ...
    def fence(self, partition: int) -> None:
        """Another owner takes the partition, and the member does not know yet."""


class DeliveryLedgerContract:
    @pytest.fixture
    def topic(self) -> Topic:
        raise AssertionError("the subclass says which topic")

    def test_an_owner_reads_all_there_is_and_writes_behind_it(self, topic: Topic) -> None:
        first, second = pending(1, 10), pending(2, 11)
        topic.queue(1, first, second)
        ledger = topic.member()
        assert _read(ledger, 2) == [(1, first), (1, second)]
        assert 1 in ledger.ready()
        done = pending(1, 10, state=State.DELIVERED, revision=2, first_attempt_at=1, attempts=1)
        ledger.write(1, [done])
        assert _read(ledger, 1) == [(1, done)]
        topic.queue(1, pending(3, 12))
        assert [each.version for _, each in _read(ledger, 1)] == [12]
        ledger.close()
        again = topic.member()
        assert [each.version for _, each in _read(again, 4)] == [10, 11, 10, 12]
        again.close()

    def test_an_owner_that_was_replaced_writes_nothing_more(self, topic: Topic) -> None:
        ledger = topic.member()
        _read(ledger, 0)
        topic.fence(0)
        with pytest.raises(Fatal, match="another process took over"):
            ledger.write(0, [pending(1, 10)])
        ledger.close()


def _read(ledger: Ledger, count: int) -> list[tuple[int, Delivery]]:
    """So many entries, once both partitions are ready."""
    found: list[tuple[int, Delivery]] = []
    deadline = time.monotonic() + SECONDS
    while len(found) < count or not {0, 1} <= ledger.ready():
        assert time.monotonic() < deadline, f"{len(found)} of {count} entries, ready: {ledger.ready()}"
        found += ledger.read(0.1).entries
    return found
