"""The contract of dead letters on Kafka and ClickHouse: on their topic as in their table."""

from __future__ import annotations

from typing import cast

import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.sink.dead_letters import DeadLetters, Producer
from connectors.clickhouse.sink.rows import DeadLetterRows
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater import kafka as clients
from headwater.settings import Settings, load_settings
from tests.contract.sink_dead_letters import Box, DeadLettersContract, Letter
from topics import dead_letters
from topics.catalog import topic_name
from topics.cluster import KafkaCluster, Wanted

COLUMNS = "topic, partition, offset, hex(key), hex(value), error_message"


class TopicAndTable:
    def __init__(self, settings: Settings) -> None:
        self._settings, self._database = settings, settings.clickhouse.database
        self._topic = topic_name(settings, dead_letters.STREAM)
        cluster, wanted = KafkaCluster(settings), [Wanted(self._topic, 1, {})]
        cluster.create(wanted, 1)
        cluster.settle(wanted)
        self._client = cast(RawClient, connect(settings.clickhouse))
        migrate(self._client, settings, 1)
        table = open_table(self._client, self._database, "dead_letters", DeadLetterRows.names)
        self.writer = DeadLetters(cast(Producer, clients.producer(settings)), self._topic, table, "local")

    def letters(self) -> list[Letter]:
        found = self._client.query(f"SELECT {COLUMNS} FROM {self._database}.dead_letters").result_rows
        rows = [
            Letter(topic, number, offset, _bytes(key), _bytes(value), text)
            for topic, number, offset, key, value, text in found
        ]
        assert sorted(rows) == sorted(self._on_the_topic())
        return rows

    def _on_the_topic(self) -> list[Letter]:
        client = clients.reader(self._settings)
        try:
            low, high = clients.watermarks(client, self._topic)
            found = list(clients.read_range(client, self._topic, low, high))
        finally:
            client.close()
        letters = []
        for each in found:
            pairs = cast("list[tuple[str, bytes | None]]", each.headers() or [])
            headers = {name: value or b"" for name, value in pairs}
            letters.append(
                Letter(
                    headers[dead_letters.TOPIC].decode(),
                    int(headers[dead_letters.PARTITION]),
                    int(headers[dead_letters.OFFSET]),
                    each.key(),
                    each.value(),
                    headers[dead_letters.EXCEPTION_MESSAGE].decode(),
                )
            )
        return letters


def _bytes(digits: str | None) -> bytes | None:
    return None if digits is None else bytes.fromhex(digits)


class TestDeadLetters(DeadLettersContract):
    @pytest.fixture
    def box(self, kafka: str, clickhouse: dict[str, str], database: str, topic_prefix: str) -> Box:
        given = {
            "topic_prefix": topic_prefix,
            "kafka": {"bootstrap_servers": kafka},
            "clickhouse": {**clickhouse, "database": database},
        }
        return TopicAndTable(load_settings(given, environ={}))
