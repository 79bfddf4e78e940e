"""The cluster contract on real Kafka."""

from __future__ import annotations

import pytest

from headwater.settings import load_settings
from tests.contract.cluster import ClusterContract
from topics.cluster import Cluster, KafkaCluster


class TestKafkaCluster(ClusterContract):
    @pytest.fixture
    def prefix(self, topic_prefix: str) -> str:
        return topic_prefix

    @pytest.fixture
    def cluster(self, kafka: str) -> Cluster:
        return KafkaCluster(load_settings({"kafka": {"bootstrap_servers": kafka}}, environ={}))
