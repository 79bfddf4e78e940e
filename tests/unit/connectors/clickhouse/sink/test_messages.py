"""Where a batch of messages starts and ends."""

from __future__ import annotations

from connectors.clickhouse.sink.messages import Partition, first_of_each, next_offsets
from tests.fakes.kafka import FakeMessage

LOGS = Partition("logs", 0)


def test_where_a_batch_starts_and_ends_in_each_partition() -> None:
    batch = [FakeMessage("logs", 0, 7), FakeMessage("logs", 1, 3), FakeMessage("logs", 0, 9)]
    assert next_offsets(batch) == {LOGS: 10, Partition("logs", 1): 4}
    assert next_offsets([]) == {}


def test_the_first_message_of_each_partition() -> None:
    batch = [FakeMessage("logs", number, offset) for number, offset in ((0, 7), (1, 3), (0, 9), (1, 4))]
    found = first_of_each(batch)
    assert {place: message.offset() for place, message in found.items()} == {LOGS: 7, Partition("logs", 1): 3}
    assert first_of_each([]) == {}
