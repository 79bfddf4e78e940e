"""What Kafka says of the topics and of the group, asked beside the consumer and from any thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Final, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka._model import TopicCollection
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.start import Kept
from headwater import kafka
from headwater.settings import Settings

SECONDS: Final = 20.0
_STEP_SECONDS: Final = 0.05
T = TypeVar("T")


class KafkaOffsets:
    """All methods raise Transient when Kafka does not answer, Fatal when it rejects us.

    After a failure they ask with a new client: one that has lived through a broker's death may go on
    waiting for it.
    """

    def __init__(self, settings: Settings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._admin = kafka.admin(settings)

    def kept(self, partitions: Collection[Partition]) -> Mapping[Partition, Kept]:
        """The group's offset and the log's first one, of each partition."""
        if not partitions:
            return {}
        admin = self._admin
        asked = ConsumerGroupTopicPartitions(self._group, [TopicPartition(*each) for each in partitions])
        (answer,) = admin.list_consumer_group_offsets([asked], request_timeout=SECONDS).values()
        answered = self._answer(admin, answer).topic_partitions
        committed = {Partition(each.topic, each.partition): int(each.offset) for each in answered}
        first = self._listed(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        return {
            each: Kept(committed[each] if committed.get(each, -1) >= 0 else None, first[each])
            for each in partitions
        }

    def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """The end of each partition for readers of committed transactions, as of now."""
        return self._listed(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def topic_ids(self, topics: Sequence[str]) -> Mapping[str, str]:
        """The id of each topic that exists: another one once it was made anew."""
        admin = self._admin
        found = admin.describe_topics(TopicCollection(list(topics)), request_timeout=SECONDS)
        return {name: str(self._answer(admin, future).topic_id) for name, future in found.items()}

    def _listed(self, partitions: Collection[Partition], spec: OffsetSpec) -> Mapping[Partition, int]:
        if not partitions:
            return {}
        admin = self._admin
        futures = admin.list_offsets(
            {TopicPartition(*each): spec for each in partitions},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=SECONDS,
        )
        return {
            Partition(each.topic, each.partition): int(self._answer(admin, future).offset)
            for each, future in futures.items()
        }

    def _answer(self, admin: AdminClient, future: Future[T]) -> T:
        while not future.done():
            admin.poll(_STEP_SECONDS)  # raises Fatal when the brokers reject us
        try:
            return future.result()
        except KafkaException as error:
            if self._admin is admin:
                self._admin = kafka.admin(self._settings)
            raise kafka.away(self._settings, error.args[0]) from error
