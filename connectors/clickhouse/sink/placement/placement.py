"""Finding where to begin: Kafka and ClickHouse are asked, and a Kafka made anew is rejected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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

        Raises Fatal when a topic is another one than that whose progress is stored, or has lost messages that
        are stored, and Transient.
        """
        current, known = self._offsets.topic_ids(self._topics), self._memory.topic_ids()
        _reject(_made_anew(current, known))
        self._placed = current
        self._memory.store_topic_ids({name: current[name] for name in current.keys() - known.keys()})
        kept, stored = self._offsets.kept(partitions), self._stored.positions()
        _reject_lost(_lost(self._offsets.end_offsets(partitions), stored))
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
        """Take topics that were made anew, or lost messages, for the ones to follow; returns them.

        Raises Transient.
        """
        current = self._offsets.topic_ids(self._topics)
        made_anew = _made_anew(current, self._memory.topic_ids())
        followed = current.keys() - set(made_anew)
        stored = {each: end for each, end in self._stored.positions().items() if each.topic in followed}
        lost = _lost(self._offsets.end_offsets(stored), stored)
        other = sorted({*made_anew, *(each.partition.topic for each in lost)})
        if other:
            self._memory.forget(other)
            _log.warning("topics are not those that were read: what was stored is forgotten", topics=other)
        return other


@dataclass(frozen=True, slots=True)
class _Lost:
    """ClickHouse has what is below `stored`; the log ends at `end`, below it."""

    partition: Partition
    stored: int
    end: int

    def __str__(self) -> str:
        topic, number = self.partition
        return f"{topic}[{number}] ends at {self.end} and is stored up to {self.stored}"


def _lost(ends: Mapping[Partition, int], stored: Mapping[Partition, int]) -> Sequence[_Lost]:
    """Partitions whose log ends before what is stored of it: what comes next would count as stored."""
    found = (_Lost(each, stored.get(each, 0), end) for each, end in ends.items())
    return sorted((each for each in found if each.stored > each.end), key=lambda each: each.partition)


def _reject_lost(lost: Sequence[_Lost]) -> None:
    if lost:
        raise Fatal(
            f"Kafka has lost messages that ClickHouse has: {', '.join(map(str, lost))}; what is written "
            "there now would count as stored",
            remedy="bring the broker back that has them (an unclean election or a restored disk loses them); "
            "to go on without them, stop every sink and start one once with "
            "`headwater sink --accept-topics`: it reads these topics from their first message on",
        )


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
