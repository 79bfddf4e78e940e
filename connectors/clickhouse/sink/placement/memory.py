"""What ClickHouse remembers of the topics beside how far they are stored: their ids, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

from connectors.clickhouse.room import require_room
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.start import Gap
from connectors.clickhouse.sink.table import FAILURES, RawClient, Table
from headwater.errors import Transient
from headwater.redaction import brief

GAP_COLUMNS: Final = ("topic", "partition", "first_offset", "end_offset")
TOPIC_COLUMNS: Final = ("topic", "topic_id")
_OF_A_TOPIC: Final = ("sink_progress", "sink_gaps", "sink_topics")


class TopicMemory:
    """All methods raise Transient when ClickHouse does not answer."""

    def __init__(
        self,
        client: RawClient,
        database: str,
        gaps: Table,
        topics: Table,
        *,
        names: Sequence[str],
        cluster: str | None = None,
    ) -> None:
        self._client = client
        self._database = database
        self._gaps = gaps
        self._topics = topics
        self._names = list(names)
        self._cluster = cluster

    def store_gaps(self, gaps: Collection[Gap]) -> None:
        """Remember what is missing: before any position above it is published to other replicas."""
        if gaps:
            self._gaps.write(
                {
                    "topic": [each.partition.topic for each in gaps],
                    "partition": [each.partition.number for each in gaps],
                    "first_offset": [each.first for each in gaps],
                    "end_offset": [each.end for each in gaps],
                }
            )

    def gaps(self) -> Sequence[Gap]:
        """All that is missing, as found by any replica."""
        rows = self._query("sink_gaps", "topic, partition, first_offset, max(end_offset)", "1, 2, 3")
        return [Gap(Partition(topic, number), first, end) for topic, number, first, end in rows]

    def topic_ids(self) -> Mapping[str, str]:
        """The ids of the topics that the stored progress is about."""
        rows = self._query("sink_topics", "topic, argMax(topic_id, seen_at)", "1")
        return {str(topic): str(topic_id) for topic, topic_id in rows}

    def store_topic_ids(self, ids: Mapping[str, str]) -> None:
        """Remember the ids of topics that were not known."""
        if ids:
            self._topics.write({"topic": list(ids), "topic_id": list(ids.values())})

    def forget(self, topics: Collection[str]) -> None:
        """Forget progress, gaps and ids of topics that were made anew; their rows stay."""
        suffix, where = ("_local", f" ON CLUSTER '{self._cluster}'") if self._cluster else ("", "")
        for table in _OF_A_TOPIC:
            try:
                require_room(self._client, self._database)
                self._client.command(
                    f"ALTER TABLE {self._database}.{table}{suffix}{where} "
                    "DELETE WHERE topic IN {topics:Array(String)}",
                    {"topics": sorted(topics)},
                    {"mutations_sync": 2},
                )
            except FAILURES as error:
                raise _away(error) from error

    def _query(self, table: str, columns: str, groups: str) -> Sequence[Sequence[Any]]:
        sql = (
            f"SELECT {columns} FROM {self._database}.{table} "
            f"WHERE topic IN {{topics:Array(String)}} GROUP BY {groups}"
        )
        try:
            rows = self._client.query(sql, {"topics": self._names}).result_rows
        except FAILURES as error:
            raise _away(error) from error
        return cast(Sequence[Sequence[Any]], rows)


def _away(error: Exception) -> Transient:
    return Transient(f"cannot read from ClickHouse: {brief(error)}")
