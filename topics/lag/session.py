"""Asks Kafka for what `counting` and `judgement` need: as an admin and as a reader outside any group."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Final, TypeVar

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from headwater import clock, kafka
from headwater.errors import Fatal, Transient
from headwater.retry import Backoff, Retry
from headwater.settings import Settings
from schemas.naming import name_of
from topics.catalog import topic_name
from topics.lag.counting import counted, start_of_sample
from topics.lag.group import GroupLag
from topics.lag.judgement import judged
from topics.lag.look import Look, Partition, PartitionOffsets, Sample, Waiting
from topics.lag.readers import READERS, Reader
from topics.partitions import partitions_of

SECONDS: Final = 10.0
SAMPLE_MESSAGES: Final = 500
SAMPLE_BYTES: Final = 2 * 1024 * 1024
_STEP_SECONDS: Final = 0.05
_ATTEMPTS: Final = 8
T = TypeVar("T")
Needs = Callable[[Message], tuple[tuple[Partition, int], ...]]
"""What a message of `coverage` is held back for; nothing for any other."""


class LagSession:
    """Looks at all groups of a chain, again and again. Writes nothing and joins no group.

    All methods raise Transient when Kafka does not answer, Fatal when it rejects us or a topic is not there.
    """

    def __init__(self, settings: Settings, needs: Needs) -> None:
        self._settings = settings
        self._needs = needs
        self._admin = kafka.admin(settings)
        self._reader: Consumer = kafka.reader(settings)
        self._retry = Retry(backoff=Backoff(first=0.2, ceiling=1.0), attempts=_ATTEMPTS)
        self._partitions = {reader: self._of(reader) for reader in READERS}

    def close(self) -> None:
        """Let the connections go."""
        self._reader.close()

    def look(self) -> Mapping[Reader, Look]:
        """Every group now. A coordinator that is just being found is asked again."""
        return self._retry(lambda: {reader: self._look(reader) for reader in READERS})

    def judge(
        self, before: Mapping[Reader, Look], after: Mapping[Reader, Look], *, behind_seconds: float
    ) -> list[GroupLag]:
        """What two looks come to. Reads a sample of what waits, of a bounded size for each partition."""
        return [self._judge(reader, before[reader], after[reader], behind_seconds) for reader in READERS]

    def _judge(self, reader: Reader, before: Look, after: Look, behind_seconds: float) -> GroupLag:
        start_offsets = {
            partition: start_of_sample(
                before.partitions.get(partition, offsets), offsets, SAMPLE_MESSAGES // 2
            )
            for partition, offsets in after.partitions.items()
        }
        samples = self._samples(
            {each: (start_offsets[each], offsets.end) for each, offsets in after.partitions.items()}
        )
        positions = {partition: offsets.position for partition, offsets in after.partitions.items()}
        lags = [counted(each, before, after, samples[each], positions) for each in sorted(after.partitions)]
        group = name_of(self._settings, reader.group)
        return judged(reader, group, after.members, after.idle, lags, behind_seconds=behind_seconds)

    def _of(self, reader: Reader) -> list[Partition]:
        topics = [topic_name(self._settings, stream) for stream in reader.streams]
        return [
            Partition(topic, number)
            for topic in topics
            for number in partitions_of(self._settings, self._reader, topic)
        ]

    def _look(self, reader: Reader) -> Look:
        group, partitions = name_of(self._settings, reader.group), self._partitions[reader]
        # One after the other: confluent-kafka 2.16 may crash when it is asked for the offsets of a group
        # whose coordinator is not there yet, which the other question finds out.
        (described,) = self._admin.describe_consumer_groups([group], request_timeout=SECONDS).values()
        members = self._members(described, partitions)
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*each) for each in partitions])
        (committed,) = self._admin.list_consumer_group_offsets([asked], request_timeout=SECONDS).values()
        positions = {
            Partition(each.topic, each.partition): int(each.offset)
            for each in self._answer(committed).topic_partitions
        }
        # The ends last: what is committed meanwhile is not beyond them.
        start_offsets = self._listed(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        end_offsets = self._listed(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        offsets = {
            each: PartitionOffsets(max(positions.get(each, -1), start_offsets[each]), end_offsets[each])
            for each in partitions
        }
        working = sum(bool(assigned) for assigned in members)
        return Look(clock.now_ms(), working, len(members) - working, offsets)

    def _members(self, described: Future[object], partitions: Collection[Partition]) -> list[bool]:
        """Whether each member of a group has one of the partitions; none of a group that is not there."""
        try:
            found = self._answer(described)
        except Fatal as error:
            cause = error.__cause__
            if isinstance(cause, KafkaException) and cause.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            raise
        members = getattr(found, "members", None) or []
        assigned = (each.assignment.topic_partitions if each.assignment else () for each in members)
        return [any(Partition(each.topic, each.partition) in partitions for each in own) for own in assigned]

    def _listed(self, partitions: Collection[Partition], spec: OffsetSpec) -> dict[Partition, int]:
        futures = self._admin.list_offsets(
            {TopicPartition(*each): spec for each in partitions},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=SECONDS,
        )
        return {
            Partition(each.topic, each.partition): int(self._answer(future).offset)
            for each, future in futures.items()
        }

    def _samples(self, ranges: Mapping[Partition, tuple[int, int]]) -> dict[Partition, Sample]:
        """The first messages of each range [from, to), all partitions at once."""
        found = {each: _Growing(*bounds) for each, bounds in ranges.items()}
        wanted = {each for each, growing in found.items() if not growing.whole}
        done: list[TopicPartition] = []
        self._reader.assign([TopicPartition(*each, found[each].start) for each in wanted])
        deadline = time.monotonic() + SECONDS
        try:
            while wanted:
                for message in self._reader.consume(SAMPLE_MESSAGES, _STEP_SECONDS):
                    partition = Partition(str(message.topic()), int(message.partition() or 0))
                    if partition in wanted and self._add(found[partition], message):
                        wanted.discard(partition)
                        done.append(TopicPartition(*partition))
                        self._reader.pause(done[-1:])
                        deadline = time.monotonic() + SECONDS
                if time.monotonic() > deadline:
                    some = min(wanted)
                    raise Transient(f"{some.topic}[{some.number}] gave nothing for {SECONDS:.0f} s")
        finally:
            # librdkafka keeps a pause over an assignment.
            self._reader.resume(done)
            self._reader.unassign()
        return {each: growing.sample() for each, growing in found.items()}

    def _add(self, growing: _Growing, message: Message) -> bool:
        """Whether the sample is complete."""
        error = message.error()
        if error is None:
            needs = self._needs(message)
            return growing.add(
                Waiting(int(message.offset() or 0), message.timestamp()[1], needs), len(message)
            )
        if error.code() == KafkaError._PARTITION_EOF:
            growing.end()
            return True
        if error.code() in kafka.UNREADABLE:
            # Retention went past it since the look; what is left of the range begins later.
            growing.end()
            return True
        raise Transient(f"cannot read {message.topic()}[{message.partition()}]: {error.str()}")

    def _answer(self, future: Future[T]) -> T:
        while not future.done():
            self._admin.poll(_STEP_SECONDS)  # raises Fatal when the brokers reject us
        try:
            return future.result()
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if reason.code() == KafkaError.GROUP_ID_NOT_FOUND or "AUTHORIZATION" in reason.name():
                raise Fatal(f"Kafka: {reason.str()}", remedy="check the user's rights") from error
            raise kafka.away(self._settings, reason) from error


class _Growing:
    """A sample while it is read."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self._end = end
        self._messages: list[Waiting] = []
        self._bytes = 0
        self._upto = start
        self.whole = start >= end

    def add(self, message: Waiting, size: int) -> bool:
        """Whether it has enough, or all."""
        if message.offset >= self._end:
            self.end()
            return True
        self._messages.append(message)
        self._bytes += size
        self._upto = message.offset + 1
        return (
            self._upto >= self._end or len(self._messages) >= SAMPLE_MESSAGES or self._bytes >= SAMPLE_BYTES
        )

    def end(self) -> None:
        """There is no more message below the end."""
        self._upto = self._end

    def sample(self) -> Sample:
        return Sample(self.start, max(self._upto, self.start), tuple(self._messages))
