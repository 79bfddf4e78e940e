"""The contract of an election on a consumer group of Kafka's."""

from __future__ import annotations

import pytest

from connectors.evm.leadership.election import GroupElection
from headwater.settings import Settings, load_settings
from tests.contract.election import ElectionContract, Polls
from topics.catalog import topic_name
from topics.cluster import KafkaCluster, Wanted


class KafkaGroup:
    """The listeners' group over raw-blocks of the test's own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = topic_name(settings, "raw-blocks")
        cluster, wanted = KafkaCluster(settings), [Wanted(self._topic, 1, {})]
        cluster.create(wanted, 1)
        cluster.settle(wanted)

    def member(self) -> GroupElection:
        return GroupElection(self._settings, self._topic)


class TestGroupElection(ElectionContract):
    @pytest.fixture
    async def polls(self, kafka: str, topic_prefix: str) -> Polls:
        given = {"topic_prefix": topic_prefix, "kafka": {"bootstrap_servers": kafka}}
        return KafkaGroup(load_settings(given, environ={}))
