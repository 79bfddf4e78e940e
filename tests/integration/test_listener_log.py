"""The log contract on real Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import NewTopic

from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.store import LogStore
from headwater import kafka as clients
from headwater.settings import Settings, load_settings
from tests.contract.log_store import LogStoreContract, MakeStore
from topics.catalog import spec, topic_name


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> Settings:
    """Kafka alone: these tests need no registry and no database."""
    overrides = {"topic_prefix": topic_prefix, "kafka": {"bootstrap_servers": kafka}}
    return load_settings(overrides, environ={})


class TestKafkaStore(LogStoreContract):
    @pytest.fixture
    def make_store(self, settings: Settings) -> Iterator[MakeStore]:
        topic = topic_name(settings, "raw-blocks")
        config = spec("raw-blocks").config(replication=1)
        new = NewTopic(topic, num_partitions=1, replication_factor=1, config=config)
        admin = clients.admin(settings)
        for future in admin.create_topics([new]).values():
            future.result(timeout=30)
        stores: list[KafkaStore] = []

        def make() -> LogStore:
            stores.append(KafkaStore(settings, topic, "31337"))
            return stores[-1]

        yield make
        for store in stores:
            store.interrupt()
            store.close()
