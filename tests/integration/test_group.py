"""The group contract on real Kafka."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import TopicPartition

from connectors.clickhouse.sink.consumer import GroupConsumer
from connectors.clickhouse.sink.loop import Group
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.offsets import KafkaOffsets
from headwater import kafka as clients
from headwater.settings import Settings, load_settings
from tests.contract.group import SECONDS, GroupContract, Topics
from topics.cluster import KafkaCluster, Wanted


class KafkaTopics:
    def __init__(self, settings: Settings, prefix: str) -> None:
        self.names = (f"{prefix}.blocks", f"{prefix}.logs")
        self._settings, self._group = settings, f"{prefix}.sink"
        self._producer = clients.producer(settings)
        cluster = KafkaCluster(settings)
        topics = [Wanted(name, 2, {}) for name in self.names]
        cluster.create(topics, 1)
        cluster.settle(topics)

    def publish(self, partition: Partition, *values: bytes | None) -> None:
        for value in values:
            self._producer.produce(partition.topic, value, b"key", partition=partition.number)
        assert self._producer.flush(30) == 0

    def member(self) -> GroupConsumer:
        return GroupConsumer(self._settings, self._group)

    def offsets(self) -> KafkaOffsets:
        return KafkaOffsets(self._settings, self._group)

    def trim(self, partition: Partition, start: int) -> None:
        admin = clients.admin(self._settings)
        (deleted,) = admin.delete_records([TopicPartition(*partition, start)]).values()
        assert deleted.result(SECONDS).low_watermark == start

    def take_away(self, member: Group) -> None:
        """Another member joins and gets its share."""
        self._other = self.member()
        self._other.subscribe(self.names, lambda _: None, lambda *_: None)
        deadline = time.monotonic() + SECONDS
        while not self._other.assigned:
            assert time.monotonic() < deadline
            # The one that parts with them has to say so meanwhile.
            self._other.receive(0.05)
            member.receive(0.05)

    def bring_back(self, member: Group) -> None:
        self._other.close()


class TestGroupConsumer(GroupContract):
    @pytest.fixture
    def topics(self, kafka: str, topic_prefix: str) -> Topics:
        return KafkaTopics(load_settings({"kafka": {"bootstrap_servers": kafka}}, environ={}), topic_prefix)
