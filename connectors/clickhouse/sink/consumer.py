"""The sink's place in its consumer group: assignment, pauses, commits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import filterfalse
from operator import methodcaller
from typing import Any, Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from connectors.clickhouse.sink.messages import Message, Partition, partition_of
from headwater import kafka
from headwater.errors import Fatal
from headwater.logging import get_logger
from headwater.settings import Settings

MESSAGES_PER_CALL: Final = 1_000
# What waiting does not cure. All else librdkafka gets over by itself, being thrown out of the group too.
OPTIONS: Final[Mapping[str, kafka.Option]] = {
    "enable.partition.eof": True,
    # What retention took before it was read is to be known, not jumped over.
    "auto.offset.reset": "error",
    # Half a second by default: it would delay what is committed while a fetch is waiting.
    "fetch.wait.max.ms": 100,
    # Sixty partitions are fetched side by side, and what is fetched ahead is held beside the buffers.
    # A larger message still comes, alone.
    "fetch.message.max.bytes": 2 * 1024 * 1024,
    "fetch.max.bytes": 8 * 1024 * 1024,
    "queued.max.messages.kbytes": 16 * 1024,
}
_ERROR: Final[Callable[[KafkaMessage], object]] = methodcaller("error")
_log = get_logger("connectors.clickhouse.sink")


@dataclass(slots=True)
class Received:
    """What one call of the consumer gave: messages in order, and the ends of partitions that it reached.

    `unreadable`: partitions whose log does not hold the offset any more at which they were to be read on.
    """

    messages: list[Message] = field(default_factory=list)
    end_offsets: dict[Partition, int] = field(default_factory=dict)
    unreadable: set[Partition] = field(default_factory=set)


class GroupConsumer:
    """A member of the group. Callbacks come from `receive` and `close`, in the caller's thread.

    An assigned partition is read from where `read_from` says, and not before.
    """

    def __init__(self, settings: Settings, group: str) -> None:
        options: dict[str, Any] = {**OPTIONS, "on_commit": self._on_commit}
        self._consumer = kafka.consumer(settings, group, options=options)
        self._failed_commits: set[Partition] = set()
        # librdkafka keeps a pause when a partition goes away, and it comes back paused: so does this.
        self._paused: set[Partition] = set()
        self._reading: set[Partition] = set()
        self._gone: set[Partition] = set()
        self.assigned: set[Partition] = set()

    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[Partition]], None],
        on_revoke: Callable[[Sequence[Partition], bool], None],
    ) -> None:
        """Join the group. `on_revoke(partitions, lost)`: `lost` when another member has them already."""
        self._consumer.subscribe(
            list(topics),
            on_assign=partial(self._assign, on_assign),
            on_revoke=partial(self._revoke, on_revoke, lost=False),
            on_lost=partial(self._revoke, on_revoke, lost=True),
        )

    def receive(self, seconds: float) -> Received:
        """Wait up to `seconds` for a first message and take all that is there. Raises Fatal."""
        received = Received()
        self._gone.clear()
        first = self._consumer.poll(seconds)
        if first is None:
            return received
        # What librdkafka has fetched already: no waiting for more.
        batch = [first, *self._consumer.consume(MESSAGES_PER_CALL, 0)]
        errors = list(filter(_ERROR, batch))
        if errors:
            batch = list(filterfalse(_ERROR, batch))
            for message in errors:
                self._note(message, received)
        received.messages = cast("list[Message]", batch)
        if self._gone:
            # Taken before the partition went away; of a later assignment nothing is read yet.
            received.messages = [each for each in received.messages if partition_of(each) not in self._gone]
            for partition in self._gone:
                received.end_offsets.pop(partition, None)
                received.unreadable.discard(partition)
        return received

    def read_from(self, positions: Mapping[Partition, int]) -> None:
        """Begin to read assigned partitions at these offsets, or begin again."""
        if not positions:
            return
        if again := self._reading & positions.keys():
            self._stop(again)
        try:
            self._consumer.incremental_assign(
                [TopicPartition(*partition, position) for partition, position in positions.items()]
            )
        except KafkaException as error:
            # They are about to be revoked, which the next call of receive says; else the watchdog sees it.
            _log.warning("partitions cannot be read yet", partitions=len(positions), error=str(error))
            return
        self._reading |= positions.keys()
        # librdkafka pauses nothing that is not read yet.
        if held := self._paused & positions.keys():
            self._consumer.pause([TopicPartition(*partition) for partition in held])

    def _assign(
        self,
        on_assign: Callable[[Sequence[Partition]], None],
        consumer: Consumer,
        partitions: list[TopicPartition],
    ) -> None:
        gained = _partitions(partitions)
        # Without a call from here librdkafka would begin to read at once.
        consumer.incremental_assign([])
        self.assigned |= set(gained)
        _log.info("partitions assigned", gained=len(gained), all=len(self.assigned))
        on_assign(gained)

    def _revoke(
        self,
        on_revoke: Callable[[Sequence[Partition], bool], None],
        _: Consumer,
        partitions: list[TopicPartition],
        *,
        lost: bool,
    ) -> None:
        gone = _partitions(partitions)
        on_revoke(gone, lost)
        self._stop(gone)
        self._gone |= set(gone)
        self.assigned -= set(gone)
        _log.info("partitions revoked", gone=len(gone), left=len(self.assigned), lost=lost)

    def _stop(self, partitions: Iterable[Partition]) -> None:
        stop = self._reading & set(partitions)
        self._consumer.incremental_unassign([TopicPartition(*partition) for partition in stop])
        self._reading -= stop

    def _note(self, message: KafkaMessage, received: Received) -> None:
        error, topic = message.error(), str(message.topic())
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:
            received.end_offsets[Partition(topic, int(message.partition() or 0))] = int(message.offset() or 0)
        elif error.code() in kafka.UNREADABLE:
            received.unreadable.add(Partition(topic, int(message.partition() or 0)))
        elif kafka.ends_reading(error):
            raise Fatal(f"the sink cannot read {topic or 'its topics'}: {error}")
        else:
            _log.warning("kafka", topic=topic, error=str(error))

    def pause_only(self, wanted: Iterable[Partition]) -> None:
        """Pause these of the assigned partitions and no others."""
        target = set(wanted) & self.assigned
        if stop := target - self._paused:
            self._consumer.pause([TopicPartition(*partition) for partition in stop])
        if go := (self._paused & self.assigned) - target:
            self._consumer.resume([TopicPartition(*partition) for partition in go])
        self._paused = (self._paused - self.assigned) | target

    def commit(self, positions: Mapping[Partition, int], *, wait: bool) -> None:
        """Commit next offsets. What the broker rejects is read again by somebody: rows are idempotent."""
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

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        failed = {Partition(each.topic, each.partition) for each in partitions if error or each.error}
        if failed:
            self._failed_commits |= failed
            _log.warning("offsets are not committed, trying again", error=str(error or partitions[0].error))

    def take_failed_commits(self) -> set[Partition]:
        """Partitions whose commit the broker did not take since the last call."""
        failed, self._failed_commits = self._failed_commits, set()
        return failed

    def end_offsets(self) -> dict[Partition, int]:
        """The end of each assigned partition as of the last fetch, where it is known."""
        found = {}
        for partition in self.assigned:
            marks = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
            if marks is not None and marks[1] >= 0:
                found[partition] = int(marks[1])
        return found

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        try:
            self._consumer.close()
        except Fatal as error:
            # Brokers that reject us have thrown us out by themselves.
            _log.warning("the group is left without a word", reason=str(error))


def _partitions(partitions: Sequence[TopicPartition]) -> list[Partition]:
    return [Partition(each.topic, each.partition) for each in partitions]
