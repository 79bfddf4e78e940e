"""Finding where to begin: Kafka and ClickHouse are asked, and a Kafka made anew is rejected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from connectors.clickhouse.sink.messages import STAGE, Partition
from connectors.clickhouse.sink.placement.start import Gap, Kept, start
from headwater.errors import Fatal
from headwater.logging import get_logger

_log = get_logger("connectors.clickhouse.sink")


class Offsets(Protocol):
    """What Kafka says: `KafkaOffsets`."""

    def kept(self, partitions: Collection[Partition]) -> Mapping[Partition, Kept]: ...
    def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]: ...
    def topic_ids(self, topics: Sequence[str]) -> Mapping[str, str]: ...


class Memory(Protocol):
    """What ClickHouse remembers: `TopicMemory`."""

    def store_gaps(self, gaps: Collection[Gap]) -> None: ...
    def topic_ids(self) -> Mapping[str, str]: ...
    def store_topic_ids(self, ids: Mapping[str, str]) -> None: ...
    def forget(self, topics: Collection[str]) -> None: ...


class StoredPositions(Protocol):
    """How far partitions are stored: `ReplicaProgress`."""

    def positions(self) -> Mapping[Partition, int]: ...


class Placement:
    """Both sides together, for the topics of one sink."""

    def __init__(
        self, topics: Sequence[str], offsets: Offsets, memory: Memory, stored: StoredPositions
    ) -> None:
        self._topics = topics
        self._offsets = offsets
        self._memory = memory
        self._stored = stored
        self._placed: Mapping[str, str] = {}

    def start_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Where the reading of each partition begins. What is missing below is remembered when it returns.

        Raises Fatal when a topic is another one than that whose progress is stored, and Transient.
        """
        current, known = self._offsets.topic_ids(self._topics), self._memory.topic_ids()
        _reject(_made_anew(current, known))
        self._placed = current
        self._memory.store_topic_ids({name: current[name] for name in current.keys() - known.keys()})
        kept, stored = self._offsets.kept(partitions), self._stored.positions()
        found = {partition: start(partition, each, stored.get(partition)) for partition, each in kept.items()}
        gaps = [each.gap for each in found.values() if each.gap is not None]
        for gap in gaps:
            _log.error(
                "messages were deleted from Kafka before they were stored: their blocks show as incomplete",
                stage=STAGE,
                topic=gap.partition.topic,
                partition=gap.partition.number,
                first=gap.first,
                end=gap.end,
            )
        self._memory.store_gaps(gaps)
        return {partition: each.offset for partition, each in found.items()}

    def check(self) -> None:
        """Ask while partitions are read: a topic that is made anew meanwhile need not disturb the group.

        A reader that waits, for ClickHouse say, would go on at its offset in the new log. Raises what
        `start_offsets` raises.
        """
        if placed := self._placed:
            _reject(_made_anew(self._offsets.topic_ids(list(placed)), placed))

    def accept(self) -> Sequence[str]:
        """Take topics that were made anew for the ones to follow; returns them. Raises Transient."""
        other = _made_anew(self._offsets.topic_ids(self._topics), self._memory.topic_ids())
        if other:
            self._memory.forget(other)
            _log.warning("topics were made anew: their former progress is forgotten", topics=list(other))
        return other


def _reject(other: Sequence[str]) -> None:
    if other:
        raise Fatal(
            f"ClickHouse holds the progress of another Kafka: {', '.join(other)} was made anew since, so "
            "that its offsets mean other messages",
            remedy="give this Kafka a database of its own (HEADWATER_CLICKHOUSE__DATABASE), or bring the "
            "former Kafka back; to go on with this one in the same tables, start once with "
            "`headwater sink --accept-topics`",
        )


def _made_anew(current: Mapping[str, str], known: Mapping[str, str]) -> Sequence[str]:
    return sorted(name for name, topic_id in current.items() if known.get(name, topic_id) != topic_id)
