"""The contract of what replicas share on ClickHouse."""

from __future__ import annotations

from typing import cast

import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.sink.coverage.replicas import PROGRESS_COLUMNS, ReplicaProgress
from connectors.clickhouse.sink.coverage.writer import DeadLetter
from connectors.clickhouse.sink.placement.memory import GAP_COLUMNS, TOPIC_COLUMNS, TopicMemory
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater.settings import Settings, load_settings
from tests.contract.replicas import TOPICS, ReplicasContract, Shared

LETTER_COLUMNS = ("topic", "partition", "offset", "headers")


class Tables:
    """The sink's own tables in a database of the test's."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._database = settings.clickhouse, settings.clickhouse.database
        migrate(connect(self._settings), settings, 1)

    def progress(self) -> ReplicaProgress:
        client = self._client()
        table = open_table(client, self._database, "sink_progress", PROGRESS_COLUMNS)
        return ReplicaProgress(client, self._database, table, TOPICS)

    def memory(self) -> TopicMemory:
        client = self._client()
        gaps = open_table(client, self._database, "sink_gaps", GAP_COLUMNS)
        ids = open_table(client, self._database, "sink_topics", TOPIC_COLUMNS)
        return TopicMemory(client, self._database, gaps, ids, names=TOPICS)

    def lookup(self, *letters: DeadLetter) -> ReplicaProgress:
        for each in letters:
            sequence = "map()" if each.sequence is None else f"map('sequence', '{each.sequence}')"
            connect(self._settings).command(
                f"INSERT INTO {self._database}.dead_letters ({', '.join(LETTER_COLUMNS)}) "
                f"SELECT '{each.partition.topic}', {each.partition.number}, {each.offset}, {sequence}"
            )
        return self.progress()

    def _client(self) -> RawClient:
        return cast(RawClient, connect(self._settings))


class TestReplicasOnClickHouse(ReplicasContract):
    @pytest.fixture
    def shared(self, clickhouse: dict[str, str], database: str) -> Shared:
        return Tables(load_settings({"clickhouse": {**clickhouse, "database": database}}, environ={}))
