"""What Kafka says of a group at one moment, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class Waiting(NamedTuple):
    """A message of a sample. `needs`: what the sink waits for before it shows the block, as next offsets."""

    offset: int
    time_ms: int
    needs: tuple[tuple[Partition, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionOffsets:
    """A partition under a group: `position` is the next offset to read, `end` that after the last one.

    Both are of committed transactions. Where the group has never committed, `position` is where the log
    begins.
    """

    position: int
    end: int


@dataclass(frozen=True, slots=True)
class Sample:
    """All messages from offset `start` on and below `upto`: markers of transactions are none."""

    start: int
    upto: int
    messages: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A group at `time_ms`. `members` are those that have a partition, `idle` those that stand by."""

    time_ms: int
    members: int
    idle: int
    partitions: Mapping[Partition, PartitionOffsets]
