"""The sink's place in its consumer group: assignment, pauses, commits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from operator import methodcaller
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from connectors.clickhouse.sink_messages import Message, Partition
from headwater.errors import Fatal
from headwater.logging import get_logger

MESSAGES_A_CALL: Final = 1_000
_SILENT: Final = (
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
_ERROR: Final[Callable[[KafkaMessage], object]] = methodcaller("error")
_log = get_logger("connectors.clickhouse.sink")


@dataclass(slots=True)
class Received:
    """What one call of the consumer gave: messages in order, and the ends of partitions that it reached."""

    messages: list[Message] = field(default_factory=list)
    ends: dict[Partition, int] = field(default_factory=dict)


class GroupConsumer:
    """A member of the group. Callbacks come from `receive` and `close`, in the caller's thread."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._paused: set[Partition] = set()
        self.assigned: set[Partition] = set()

    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[Partition]], None],
        on_revoke: Callable[[Sequence[Partition], bool], None],
    ) -> None:
        """Join the group. `on_revoke(partitions, lost)`: `lost` when another member has them already."""

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            gained = _partitions(partitions)
            self.assigned |= set(gained)
            _log.info("partitions assigned", gained=len(gained), all=len(self.assigned))
            on_assign(gained)

        def revoked(partitions: list[TopicPartition], lost: bool) -> None:
            gone = _partitions(partitions)
            on_revoke(gone, lost)
            self.assigned -= set(gone)
            self._paused -= set(gone)
            _log.info("partitions revoked", gone=len(gone), left=len(self.assigned), lost=lost)

        self._consumer.subscribe(
            list(topics),
            on_assign=assigned,
            on_revoke=lambda _, partitions: revoked(partitions, False),
            on_lost=lambda _, partitions: revoked(partitions, True),
        )

    def receive(self, seconds: float) -> Received:
        """Wait up to `seconds` for a first message and take all that is there. Raises Fatal."""
        received = Received()
        first = self._consumer.poll(seconds)
        if first is None:
            return received
        # What librdkafka has fetched already: no waiting for more.
        batch = [first, *self._consumer.consume(MESSAGES_A_CALL, 0)]
        errors = list(filter(_ERROR, batch))
        if errors:
            batch = list(filterfalse(_ERROR, batch))
            for message in errors:
                self._note(message, received)
        received.messages = cast("list[Message]", batch)
        return received

    def _note(self, message: KafkaMessage, received: Received) -> None:
        error, topic = message.error(), str(message.topic())
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:
            received.ends[Partition(topic, int(message.partition() or 0))] = int(message.offset() or 0)
        elif error.fatal():
            raise Fatal(f"the sink's consumer cannot go on: {error}")
        elif error.code() in _SILENT:
            _log.warning("kafka", error=str(error))
        else:
            raise Fatal(f"the sink cannot read {topic}: {error}")

    def pause_only(self, wanted: Iterable[Partition]) -> None:
        """Pause these of the assigned partitions and no others."""
        target = set(wanted) & self.assigned
        if stop := target - self._paused:
            self._consumer.pause([TopicPartition(*partition) for partition in stop])
        if go := self._paused - target:
            self._consumer.resume([TopicPartition(*partition) for partition in go])
        self._paused = target

    def commit(self, positions: Mapping[Partition, int], *, wait: bool) -> None:
        """Commit next offsets. What the broker refuses is read again by somebody: rows are idempotent."""
        if not positions:
            return
        offsets = [TopicPartition(*partition, position) for partition, position in positions.items()]
        try:
            if wait:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            else:
                self._consumer.commit(offsets=offsets)
        except KafkaException as error:
            _log.warning("offsets are not committed", error=str(error))

    def ends(self) -> dict[Partition, int]:
        """The end of each assigned partition as of the last fetch, where it is known."""
        found = {}
        for partition in self.assigned:
            marks = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
            if marks is not None and marks[1] >= 0:
                found[partition] = int(marks[1])
        return found

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()


def _partitions(partitions: Sequence[TopicPartition]) -> list[Partition]:
    return [Partition(each.topic, each.partition) for each in partitions]
