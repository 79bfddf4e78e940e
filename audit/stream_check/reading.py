"""All partitions side by side, in step: what waits to be judged is bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from audit.stream_check.algebra.record import Partition, StreamPosition
from audit.stream_check.decode import Raw
from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.settings import Settings

PATIENCE_SECONDS: Final = 90.0
"""For the next message below an end offset: longer than a transaction may be open."""
_CALL: Final = 1_000
_CALL_SECONDS: Final = 0.1


class Reader:
    """A consumer of committed messages outside any group: it commits nothing. `topics`: stream → topic."""

    def __init__(
        self,
        settings: Settings,
        topics: Mapping[str, str],
        start_offsets: Mapping[Partition, int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics = topics
        self._streams = {topic: stream for stream, topic in topics.items()}
        self._positions = dict(start_offsets)
        self._paused: set[Partition] = set()
        self._clock = clock
        self._consumer: Consumer = kafka.reader(settings, options={"fetch.wait.max.ms": 100})
        self._consumer.assign([self._topic_partition(each, offset) for each, offset in start_offsets.items()])

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    @property
    def read(self) -> int:
        """The sum of the positions."""
        return sum(self._positions.values())

    def reached(self, end_offsets: Mapping[Partition, int]) -> set[Partition]:
        """The partitions that are read up to these offsets."""
        return {partition for partition, end in end_offsets.items() if self._positions[partition] >= end}

    def hold(self, ahead: Collection[Partition]) -> None:
        """Read no further in these partitions for now, and on in all others."""
        wanted = set(ahead)
        for call, partitions in (
            (self._consumer.pause, wanted - self._paused),
            (self._consumer.resume, self._paused - wanted),
        ):
            if partitions:
                call([self._topic_partition(each) for each in partitions])
        self._paused = wanted

    def up_to(self, end_offsets: Mapping[Partition, int]) -> Iterator[list[Raw]]:
        """Messages in the order of each partition, until all are read up to `end_offsets`, and perhaps some
        beyond.

        An empty list when nothing came for a moment. Raises Transient when what must come does not, Fatal
        when retention has taken what was to be read.
        """
        last = self._clock()
        while len(reached := self.reached(end_offsets)) < len(end_offsets):
            messages = self._consumer.consume(_CALL, _CALL_SECONDS)
            if messages:
                last = self._clock()
            elif self._clock() - last > PATIENCE_SECONDS:
                stream, number = min(end_offsets.keys() - reached)
                raise Transient(
                    f"{self._topics[stream]}[{number}] gave nothing for {PATIENCE_SECONDS:.0f} s at offset "
                    f"{self._positions[stream, number]}, and ends at {end_offsets[stream, number]}",
                    remedy="see that its broker runs, and that no transaction hangs: `headwater status`",
                )
            yield [raw for message in messages if (raw := self._raw(message)) is not None]

    def _raw(self, message: KafkaMessage) -> Raw | None:
        topic, number, offset, error = (
            message.topic(),
            message.partition(),
            message.offset(),
            message.error(),
        )
        if error is not None and error.code() in kafka.UNREADABLE:
            raise Fatal(
                f"{topic}[{number}] no longer holds what was to be read: {error.str()}",
                remedy="retention is shorter than this check takes: check a shorter range",
            )
        if topic is None or number is None or offset is None:
            return None  # An error of the client's: either it passes, or nothing comes and that is reported.
        partition = self._streams[topic], number
        if error is None:
            self._positions[partition] = offset + 1
            key, value = message.key() or b"", message.value() or b""
            return Raw(StreamPosition(*partition, offset), message.timestamp()[1], key, value)
        if error.code() == KafkaError._PARTITION_EOF:
            self._positions[partition] = max(self._positions[partition], offset)
            return None
        if kafka.passes(error) or error.code() in kafka.SILENT:
            return None
        raise Transient(f"cannot read {topic}[{number}]: {error.str()}")

    def _topic_partition(self, partition: Partition, offset: int | None = None) -> TopicPartition:
        topic = self._topics[partition[0]]
        return (
            TopicPartition(topic, partition[1])
            if offset is None
            else TopicPartition(topic, partition[1], offset)
        )
