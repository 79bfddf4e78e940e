"""Kafka's clients: messages as they are consumed, a consumer that a test feeds, the queue of a producer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

Change = Callable[[Any, list[TopicPartition]], None]


@dataclass(frozen=True)
class FakeMessage:
    """A consumed message, or an error at an offset where `code` is one of Kafka's."""

    topic_name: str = "logs"
    partition_number: int = 0
    place: int = 0
    content: bytes | None = b"1"
    name: bytes | None = b"key"
    extra: tuple[tuple[str, bytes | None], ...] = ()
    code: int | None = None

    def __len__(self) -> int:
        return len(self.content or b"")

    def topic(self) -> str:
        return self.topic_name

    def partition(self) -> int:
        return self.partition_number

    def offset(self) -> int:
        return self.place

    def key(self) -> bytes | None:
        return self.name

    def value(self) -> bytes | None:
        return self.content

    def headers(self) -> list[tuple[str, bytes | None]]:
        return list(self.extra)

    def timestamp(self) -> tuple[int, int]:
        return 2, 1_700_000_000_000

    def error(self) -> KafkaError | None:
        return None if self.code is None else KafkaError(self.code)


class FakeConsumer:
    """Gives one batch a call, then nothing; before it, the changes of assignment that a test lays in.

    `calls` are those about partitions. Like librdkafka it drops nothing that it does not read: `reading` is
    what the incremental calls left, with offsets.
    """

    def __init__(self, *batches: Sequence[FakeMessage]) -> None:
        self.batches = list(batches)
        self.calls: list[tuple[str, list[tuple[str, int, int]]]] = []
        self.changes: list[tuple[str, list[int]]] = []
        self.reading: list[tuple[int, int]] = []
        self._told: dict[str, Change] = {}

    def subscribe(self, topics: list[str], on_assign: Change, on_revoke: Change, on_lost: Change) -> None:
        self._told = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}

    def consume(self, count: int, seconds: float) -> Sequence[FakeMessage]:
        while self.changes:
            kind, partitions = self.changes.pop(0)
            before = len(self.calls)
            self._told[kind](self, [TopicPartition("t", each) for each in partitions])
            assert len(self.calls) == before + 1, f"{kind}: without one call librdkafka makes its own"
        return self.batches.pop(0) if self.batches else []

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self._called("assign", places)

    def incremental_assign(self, places: Sequence[TopicPartition]) -> None:
        self._called("incremental_assign", places)
        self.reading += [(each.partition, each.offset) for each in places]

    def incremental_unassign(self, places: Sequence[TopicPartition]) -> None:
        self._called("incremental_unassign", places)
        for each in places:
            (found,) = (own for own in self.reading if own[0] == each.partition)
            self.reading.remove(found)

    def pause(self, places: Sequence[TopicPartition]) -> None:
        self._called("pause", places)

    def resume(self, places: Sequence[TopicPartition]) -> None:
        self._called("resume", places)

    def close(self) -> None:
        self._called("close", ())

    def _called(self, name: str, places: Sequence[TopicPartition]) -> None:
        self.calls.append((name, [(each.topic, each.partition, each.offset) for each in places]))


class QueueProducer:
    """A producer with room for `room` messages, which brokers acknowledge when it is polled or flushed.

    They are silent for the first `silent` of these calls. With `error` no message arrives. `on_flush` is
    called at the beginning of each flush.
    """

    def __init__(self, *, room: int = 1_000, silent: float = 0, error: object = None) -> None:
        self.acknowledged: list[FakeMessage] = []
        self.on_flush: Callable[[], object] = lambda: None
        self._room, self._silent, self._error = room, silent, error
        self._queued: list[tuple[FakeMessage, Callable[[object, FakeMessage], object] | None]] = []

    def __len__(self) -> int:
        return len(self._queued)

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        *,
        headers: Iterable[tuple[str, bytes]] = (),
        on_delivery: Callable[[object, Any], object] | None = None,
    ) -> None:
        if len(self._queued) >= self._room:
            raise BufferError("Local: Queue full")
        place = len(self.acknowledged) + len(self._queued)
        self._queued.append((FakeMessage(topic, 0, place, value, key, tuple(headers)), on_delivery))

    def poll(self, _: float) -> int:
        if self._silent > 0:
            self._silent -= 1
            return 0
        queued, self._queued = self._queued, []
        for message, on_delivery in queued:
            if self._error is None:
                self.acknowledged.append(message)
            if on_delivery is not None:
                on_delivery(self._error, message)
        return len(queued)

    def flush(self, seconds: float) -> int:
        self.on_flush()
        self.poll(seconds)
        return len(self._queued)

    def purge(self) -> None:
        self._queued.clear()
