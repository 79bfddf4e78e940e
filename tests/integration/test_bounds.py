"""The contract of partitions' bounds on real Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from headwater import kafka as clients
from headwater.kafka.bounds import KafkaBounds
from headwater.settings import Settings, load_settings
from tests.contract.bounds import BoundsContract

SECONDS = 30.0


class KafkaTopic:
    """A topic of its own, and the group that is called like it."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self.name = name
        self._open: Producer | None = None
        admin = clients.admin(settings)
        for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
            future.result(timeout=SECONDS)

    def write(self, count: int) -> None:
        producer = clients.producer(self._settings)
        for _ in range(count):
            producer.produce(self.name, b"block", partition=0)
        assert producer.flush(SECONDS) == 0

    def begin(self) -> None:
        self._open = clients.producer(self._settings, transactional_id=self.name)
        self._open.init_transactions(SECONDS)
        self._open.begin_transaction()
        self._open.produce(self.name, b"in hand", partition=0)
        self._open.flush(SECONDS)

    def commit(self, offset: int) -> None:
        member = clients.consumer(self._settings, self.name)
        member.commit(offsets=[TopicPartition(self.name, 0, offset)], asynchronous=False)
        member.close()

    def asked(self, *, group: bool = True) -> KafkaBounds:
        return KafkaBounds(self._settings, self.name if group else None)

    def close(self) -> None:
        if self._open is not None:
            self._open.abort_transaction(SECONDS)


class TestKafkaBounds(BoundsContract):
    @pytest.fixture
    def topic(self, kafka: str, topic_prefix: str) -> Iterator[KafkaTopic]:
        overrides = {"topic_prefix": topic_prefix, "kafka": {"bootstrap_servers": kafka}}
        topic = KafkaTopic(load_settings(overrides, environ={}), f"{topic_prefix}bounds")
        yield topic
        topic.close()
