"""How far partitions are read, in sequences: their messages are in that order but for repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

from audit.stream_check.algebra.record import Partition, StreamPosition


class Positioned(Protocol):
    """A message of an event."""

    @property
    def position(self) -> StreamPosition: ...

    @property
    def sequence(self) -> int: ...


class SequenceProgress:
    """The sequences that the partitions have passed. A partition at its end has passed all."""

    def __init__(self, partitions: Iterable[Partition]) -> None:
        self._passed: dict[Partition, float] = dict.fromkeys(partitions, -math.inf)
        self._first: dict[Partition, int] = {}

    @property
    def partitions(self) -> set[Partition]:
        """All of them."""
        return set(self._passed)

    def begins_with(self, partition: Partition) -> int | None:
        """The first sequence that was read there."""
        return self._first.get(partition)

    def is_behind(self, record: Positioned) -> bool:
        """Does the record come after one of a later event?

        Not where it may be a repeat of what lies before the range, which may begin within an event.
        """
        partition = record.position.stream, record.position.partition
        first = self._first.get(partition)
        return first is not None and first < record.sequence < self._passed[partition]

    def passes(self, record: Positioned) -> None:
        """A message was read."""
        partition = record.position.stream, record.position.partition
        self._first.setdefault(partition, record.sequence)
        if record.sequence > self._passed[partition]:
            self._passed[partition] = record.sequence

    def limit(self, ended: Iterable[Partition] = ()) -> float:
        """Of every event of a lower sequence all is read; `ended` are partitions at their end."""
        over = set(ended)
        return min(
            (each for partition, each in self._passed.items() if partition not in over), default=math.inf
        )

    def beyond(self, limit: float) -> set[Partition]:
        """The partitions that have passed more than `limit`."""
        return {partition for partition, passed in self._passed.items() if passed > limit}
