"""What the brokers say of partitions: where they begin and end, and where a time is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from audit.stream_check.algebra.record import Partition
from headwater import kafka
from headwater.settings import Settings

_SECONDS: Final = 10.0
_STEP_SECONDS: Final = 0.05


class At(NamedTuple):
    """An offset and the broker's time of its message; -1 where there is none."""

    offset: int
    time_ms: int


class Offsets:
    """Asks for the partitions of the given streams; `topics`: stream → topic. Reads and changes nothing.

    Raises Transient when the brokers do not answer within ten seconds, Fatal when they reject us.
    """

    def __init__(self, settings: Settings, topics: Mapping[str, str]) -> None:
        self._settings = settings
        self._topics = topics
        self._streams = {topic: stream for stream, topic in topics.items()}
        self._admin = kafka.admin(settings)

    def earliest(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The first offset that each still has."""
        found = self._listed(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        return {partition: at.offset for partition, at in found.items()}

    def end_offsets(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The offset after all that was written, also by transactions that are not committed yet.

        Whoever has read up to there has read every transaction of which anything could be seen elsewhere
        when this was asked.
        """
        found = self._listed(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {partition: at.offset for partition, at in found.items()}

    def at(self, partitions: Collection[Partition], time_ms: int) -> dict[Partition, At]:
        """The first message of each that the broker took at the time or later."""
        return self._listed(partitions, OffsetSpec.for_timestamp(time_ms))

    def _listed(self, partitions: Collection[Partition], spec: OffsetSpec) -> dict[Partition, At]:
        futures = self._admin.list_offsets(
            {TopicPartition(self._topics[stream], number): spec for stream, number in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_SECONDS,
        )
        found: dict[Partition, At] = {}
        for asked, future in futures.items():
            while not future.done():
                self._admin.poll(_STEP_SECONDS)  # raises Fatal when the brokers reject us
            try:
                answer = future.result()
            except KafkaException as error:
                raise kafka.away(self._settings, error.args[0]) from error
            partition = self._streams[asked.topic], asked.partition
            found[partition] = At(int(answer.offset), int(answer.timestamp))
        return found
