"""The contract of a ledger on Kafka."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from connectors.delivery.queue.delivery import STREAM, Delivery, key_of
from connectors.delivery.topic.ledger import GROUP, KafkaLedger, Ledger
from headwater import kafka as clients
from headwater.health import HEALTH, Check
from headwater.settings import Settings, load_settings
from schemas import codec_for, frame
from schemas.naming import name_of
from schemas.registry import Registry
from tests.contract.delivery_ledger import SECONDS, DeliveryLedgerContract, Topic
from tests.integration.repair_topics import make_topics
from topics.catalog import spec, topic_name

pytestmark = pytest.mark.integration


class KafkaTopic:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings)
        self._frame = frame(self._registry.id_for(STREAM))
        self._stop = threading.Event()

    def queue(self, partition: int, *deliveries: Delivery) -> None:
        messages = [
            clients.Outgoing(
                key_of(each), self._frame + codec_for(STREAM).write(each.record()), (), partition
            )
            for each in deliveries
        ]
        clients.publish(clients.producer(self._settings), topic_name(self._settings, STREAM), messages)

    def member(self) -> Ledger:
        return KafkaLedger(self._settings, self._registry, self._stop)

    def fence(self, partition: int) -> None:
        name = f"{name_of(self._settings, GROUP)}.{partition}"
        clients.producer(self._settings, transactional_id=name).init_transactions(10)


class TestKafkaLedger(DeliveryLedgerContract):
    @pytest.fixture
    def topic(self, kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Topic:
        settings = load_settings(
            {
                "topic_prefix": topic_prefix,
                "data_dir": str(tmp_path),
                "kafka": {"bootstrap_servers": kafka},
                "registry": {"url": registry_url},
            },
            environ={},
        )
        make_topics(settings, STREAM)
        return KafkaTopic(settings)

    def test_a_member_beyond_the_partitions_stands_by_and_is_ready(self, topic: Topic) -> None:
        members = [topic.member() for _ in range(spec(STREAM).partitions + 1)]
        deadline = time.monotonic() + SECONDS
        said: list[Check] = []
        while Check(True, "standing by without a partition") not in said:
            assert time.monotonic() < deadline, said
            for each in members:
                each.read(0.1)
                said.append(HEALTH.checks()["ledger"])
        for each in members:
            each.close()
        assert not said[0].ok  # joining its group, or with a partition that the other one then takes
