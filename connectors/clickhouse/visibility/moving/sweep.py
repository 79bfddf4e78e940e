"""What was moved leaves the tables that the sink writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, cast

from connectors.clickhouse.client import Client
from connectors.clickhouse.room import require_room
from connectors.clickhouse.visibility.heights import Heights, runs
from connectors.clickhouse.visibility.moving.attempts import TABLES
from connectors.clickhouse.visibility.moving.plan import PARTITION_HEIGHTS, HeightCoverage, Moved, to_sweep
from connectors.clickhouse.visibility.moving.statements import among
from connectors.clickhouse.visibility.store import RANGES_IN_STATEMENT

# A mutation writes anew what it leaves of a partition: it waits until that is not more than what it deletes.
_KEPT_PER_DELETED: Final = 1


class Sweep:
    """Deletes rows of one chain. Methods raise ClickHouseError, and Transient where a disk is full."""

    def __init__(self, client: Client, database: str, chain_id: int) -> None:
        self._client = client
        self._database = database
        self._chain_id = chain_id

    def run(self, moved: Moved, coverage: Mapping[int, HeightCoverage]) -> None:
        """Call it with what was moved some seconds ago: a query may still go by what was before.

        Rows of a later sequence stay: they are of a change that readers do not go by yet. So do rows of
        exceptions, removed ones among them, which tell that a row of before is not to be shown.
        """
        if not moved.heights.ranges:
            return
        for table in TABLES:
            self._sweep(table, moved, coverage)

    def _sweep(self, table: str, moved: Moved, coverage: Mapping[int, HeightCoverage]) -> None:
        where = (
            f"chain_id = {self._chain_id} AND block_number < {moved.ending} AND sequence <= {moved.sequence}"
        )
        rows = self._client.query(
            f"SELECT block_number, count() FROM {self._database}.{table} WHERE {where} GROUP BY block_number"
        ).result_rows
        counts = {cast(int, number): cast(int, count) for number, count in rows}
        of_partition: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for height, count in to_sweep(counts, moved, coverage).items():
            of_partition[height // PARTITION_HEIGHTS][height] = count
        for partition, due in of_partition.items():
            if self._rows_of(table, partition) - sum(due.values()) > _KEPT_PER_DELETED * sum(due.values()):
                continue
            require_room(self._client, self._database)
            heights = Heights(runs(due)[:RANGES_IN_STATEMENT])
            self._client.command(
                f"ALTER TABLE {self._database}.{table} DELETE WHERE {where} AND ({among(heights)})",
                settings={"mutations_sync": 1},
            )

    def _rows_of(self, table: str, partition: int) -> int:
        first = partition * PARTITION_HEIGHTS
        ((count,),) = self._client.query(
            f"SELECT count() FROM {self._database}.{table} WHERE chain_id = {self._chain_id} "
            f"AND block_number BETWEEN {first} AND {first + PARTITION_HEIGHTS - 1}"
        ).result_rows
        return cast(int, count)
