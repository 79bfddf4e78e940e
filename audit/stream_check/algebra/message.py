"""What must hold of a message by itself: key, event_id, partition."""

from __future__ import annotations

from collections.abc import Iterator

from audit.stream_check.algebra.finding import Finding, of_records
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import Record


def faults(record: Record, partitions: int) -> Iterator[Finding]:
    """The breaches in one message of a topic of so many partitions."""
    if record.key != record.own_key:
        yield of_records(
            "key",
            [record],
            f"its key is {record.key!r}, its fields make {record.own_key!r}: a consumer that joins or "
            "orders by key does not find it",
        )
    if record.event_id != record.own_id:
        yield of_records(
            "identity",
            [record],
            f"its event_id is {record.event_id.hex()}, its fields make {record.own_id.hex()}: a "
            "consumer takes it for another record",
        )
    own = partition_of(record.key, partitions)
    if record.position.partition != own:
        yield of_records(
            "partition",
            [record],
            f"its key belongs to partition {own} of {partitions}: a consumer of that partition never "
            "sees it, unless the topic grew since",
        )
