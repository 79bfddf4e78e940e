"""The contract of a producer's queue on Kafka."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from headwater import kafka as clients
from headwater.settings import load_settings
from tests.contract.producer_queue import ProducerQueueContract, Topic
from topics.cluster import KafkaCluster, Wanted


class KafkaTopic:
    def __init__(self, kafka: str, prefix: str) -> None:
        self.name = f"{prefix}.topic"
        self._settings = load_settings({"kafka": {"bootstrap_servers": kafka}}, environ={})
        cluster, topics = KafkaCluster(self._settings), [Wanted(self.name, 1, {})]
        cluster.create(topics, 1)
        cluster.settle(topics)

    def producer(self, room: int) -> Producer:
        return clients.producer(self._settings, options={"queue.buffering.max.messages": room})


class TestKafkaQueue(ProducerQueueContract):
    @pytest.fixture
    def topic(self, kafka: str, topic_prefix: str) -> Topic:
        return KafkaTopic(kafka, topic_prefix)
