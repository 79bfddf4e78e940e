"""What replicas of the sink publish for each other in ClickHouse: progress of partitions, dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from connectors.clickhouse.sink.coverage.writer import DeadLetter
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.table import FAILURES, RawClient, Table
from headwater.digits import decimal
from headwater.errors import Transient
from headwater.redaction import brief

PROGRESS_COLUMNS = ("topic", "partition", "next_offset")


class ReplicaProgress:
    """Raises Transient when ClickHouse does not answer."""

    def __init__(self, client: RawClient, database: str, progress: Table, topics: Sequence[str]) -> None:
        self._client = client
        self._database = database
        self._progress = progress
        self._topics = list(topics)

    def store(self, positions: Mapping[Partition, int]) -> None:
        """Publish how far partitions have come (next offsets); the highest ever published holds."""
        if positions:
            self._progress.write(
                {
                    "topic": [partition.topic for partition in positions],
                    "partition": [partition.number for partition in positions],
                    "next_offset": list(positions.values()),
                }
            )

    def positions(self) -> dict[Partition, int]:
        """How far all partitions have come, as published by any replica."""
        rows = self._query(
            f"SELECT topic, partition, max(next_offset) FROM {self._database}.sink_progress "
            "WHERE topic IN {topics:Array(String)} GROUP BY topic, partition",
            {"topics": self._topics},
        )
        return {Partition(topic, number): position for topic, number, position in rows}

    def since(self, offsets: Mapping[str, int]) -> Sequence[DeadLetter]:
        """Dead letters of the given topics from an offset on."""
        conditions = " OR ".join(
            f"(topic = {{t{n}:String}} AND offset >= {{o{n}:Int64}})" for n in range(len(offsets))
        )
        parameters: dict[str, object] = {}
        for n, (topic, offset) in enumerate(offsets.items()):
            parameters |= {f"t{n}": topic, f"o{n}": offset}
        rows = self._query(
            "SELECT DISTINCT topic, partition, offset, headers['sequence'] "
            f"FROM {self._database}.dead_letters WHERE {conditions}",
            parameters,
        )
        return [
            DeadLetter(Partition(topic, number), offset, decimal(text))
            for topic, number, offset, text in rows
        ]

    def _query(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        try:
            return cast(Sequence[Sequence[Any]], self._client.query(sql, parameters).result_rows)
        except FAILURES as error:
            raise Transient(f"cannot read from ClickHouse: {brief(error)}") from error
