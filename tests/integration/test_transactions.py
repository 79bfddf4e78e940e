"""The contract of transactions on real Kafka."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from headwater import kafka as clients
from headwater.settings import load_settings
from tests.contract.transactions import Record, Topics, TransactionsContract
from topics.cluster import KafkaCluster, Wanted


class KafkaTopics:
    def __init__(self, kafka: str, prefix: str) -> None:
        self.name = f"{prefix}.topic"
        self._settings = load_settings({"kafka": {"bootstrap_servers": kafka}}, environ={})
        self._prefix = prefix
        cluster = KafkaCluster(self._settings)
        topic = Wanted(self.name, 1, {})
        cluster.create([topic], 1)
        cluster.settle([topic])

    def producer(self, transactional_id: str | None) -> Producer:
        own = None if transactional_id is None else f"{self._prefix}.{transactional_id}"
        return clients.producer(self._settings, transactional_id=own)

    def committed(self) -> list[Record]:
        client = clients.reader(self._settings)
        try:
            low, high = clients.watermarks(client, self.name)
            found = clients.read_range(client, self.name, low, high)
            return [(each.key(), each.value()) for each in found]  # type: ignore[misc]
        finally:
            client.close()


class TestKafkaTransactions(TransactionsContract):
    @pytest.fixture
    def topics(self, kafka: str, topic_prefix: str) -> Topics:
        return KafkaTopics(kafka, topic_prefix)
