"""Settles the deployment's chain beside the sink: a thread of its own, for which the sink never waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.visibility.chain_id import chain_id_from_tables
from connectors.clickhouse.visibility.settler import EndOffsets, Settler
from connectors.clickhouse.visibility.store import SettledStore
from connectors.clickhouse.visibility.ticks import Ticks, one_line
from headwater import kafka
from headwater.errors import HeadwaterError, Transient
from headwater.logging import get_logger
from headwater.settings import Settings
from topics import catalog, coverage

KAFKA_SECONDS: Final = 10.0
STREAMS: Final = (*coverage.STREAMS, coverage.COVERAGE)
_log = get_logger("connectors.clickhouse.settle")

# Takes the chain id and, of retracted rows, block number → the highest sequence; raises Transient.
Unsettle = Callable[[int, Mapping[int, int]], None]


class SettleLoop(Ticks):
    """`with SettleLoop(settings):` settles until the block ends. Trouble is logged and tried again."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("settle", self._settle, _warn)
        self._settings = settings
        self._settler: Settler | None = None

    def _settle(self) -> None:
        try:
            self._settler = self._settler or self._open()
            if self._settler is not None and (moved := self._settler.tick()) is not None:
                _log.debug("settled", heights=len(moved.ranges), ranges=len(moved.ranges.ranges))
        except (ClickHouseError, KafkaException, HeadwaterError, OSError) as error:
            self._settler = None
            raise Transient(one_line(error)) from error

    def _open(self) -> Settler | None:
        settings = self._settings
        client = connect(settings.clickhouse, timeout_seconds=60)
        chain_id = chain_id_from_tables(client, settings)
        if chain_id is None:
            client.close()
            return None
        admin = kafka.admin(settings)
        topics = [catalog.topic_name(settings, stream) for stream in STREAMS]
        return Settler(
            client,
            settings.clickhouse.database,
            chain_id,
            lambda: end_offsets(admin, topics),
            settings.clickhouse.cluster or "",
        )


def _warn(error: Transient) -> None:
    # Only the views' speed depends on this; the sink itself says when ClickHouse is away.
    _log.warning("cannot settle blocks, trying again", error=str(error))


def unsettler(client: Client, database: str) -> Unsettle:
    """How a sink takes blocks out of the settled range. The function raises Transient."""
    return partial(_unsettle, client, database)


def _unsettle(client: Client, database: str, chain_id: int, retracted: Mapping[int, int]) -> None:
    try:
        SettledStore(client, database, chain_id).unsettle(retracted)
    except ClickHouseError as error:
        raise Transient(f"cannot unsettle blocks: {one_line(error)}") from error


def end_offsets(admin: AdminClient, topics: list[str]) -> EndOffsets:
    """The end offset of each partition that has held anything. Raises KafkaException."""
    known = admin.list_topics(timeout=KAFKA_SECONDS).topics
    wanted = {
        TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for topic in topics
        if topic in known
        for partition in known[topic].partitions
    }
    found = admin.list_offsets(wanted, request_timeout=KAFKA_SECONDS)
    offsets = {(each.topic, each.partition): future.result().offset for each, future in found.items()}
    return {partition: offset for partition, offset in offsets.items() if offset > 0}
