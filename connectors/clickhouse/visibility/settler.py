"""Moves the settled range up: where every block is final and whole, and views need not ask coverage.

A step has two halves. First a final block is picked and the ends of the public topics are noted: states
are made behind everything else, so when a FINALIZED state is in, every record that the chain's history up
to that block ever caused, retractions of orphans included, is in Kafka below those ends. When the tables
have passed the ends, nothing about these blocks can come any more, and the range is walked from the final
block down by parent hashes. What is not whole then becomes a hole, and coverage goes on deciding it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.visibility.settling import CoveredBlock, Settled, extend, refill

EndOffsets = Mapping[tuple[str, int], int]

# Blocks that one step looks at, at most; a long catch-up settles in steps of this size.
STEP_BLOCKS: Final = 20_000
TIP_PARTITION: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Pending:
    number: int
    block_hash: bytes
    end_offsets: EndOffsets


class Settler:
    """Settles one chain, a step a `tick`. Several may run at once: each writes only what is true.

    `end_offsets` gives the present end offset of each partition of the chain's public topics.
    Errors of the client (`ClickHouseError`) and of `end_offsets` go to the caller; the next tick starts over.
    """

    def __init__(
        self, client: Client, database: str, chain_id: int, end_offsets: Callable[[], EndOffsets]
    ) -> None:
        self._client = client
        self._database = database
        self._chain_id = chain_id
        self._end_offsets = end_offsets
        self._pending: _Pending | None = None
        self._earlier: Settled | None = None

    def tick(self) -> Settled | None:
        """Go one half step; call every few seconds. Returns the range when it moved."""
        settled = self.settled()
        self._drop_settled_partitions()
        # Queries may still go by what was settled at the last tick, so only that is dropped.
        self._earlier = settled
        if self._pending is None:
            point = self._next_point(settled)
            if point is not None:
                self._pending = _Pending(*point, self._end_offsets())
            return None
        if not self._passed(self._pending.end_offsets):
            return None
        pending, self._pending = self._pending, None
        return self._settle(settled, pending)

    def settled(self) -> Settled | None:
        """The range as the views see it."""
        ranges = self._rows(
            f"SELECT from_number, to_number FROM {self._database}.settled FINAL "
            "WHERE chain_id = {chain_id:UInt64}"
        )
        if not ranges:
            return None
        holes = self._rows(
            f"SELECT block_number FROM {self._database}.settled_holes FINAL "
            "WHERE chain_id = {chain_id:UInt64} AND open"
        )
        return Settled(_int(ranges[0][0]), _int(ranges[0][1]), frozenset(_int(number) for (number,) in holes))

    def unsettle(self, numbers: Collection[int]) -> None:
        """Let coverage decide these blocks again; call before rows of theirs are retracted.

        Only numbers that were announced as final make holes: nothing above is ever settled.
        """
        ((final,),) = self._rows(
            f"SELECT max(block_number) FROM {self._database}.finality WHERE chain_id = {{chain_id:UInt64}}"
        )
        self._write_holes({number for number in numbers if number <= _int(final)}, opened=True)

    def _settle(self, settled: Settled | None, pending: _Pending) -> Settled | None:
        since = 0 if settled is None else settled.last
        coverage = self._covered(
            "block_number BETWEEN {since:UInt64} AND {until:UInt64}", since, pending.number
        )
        moved = extend(settled, pending.number, pending.block_hash, coverage)
        if moved is None:
            return None
        if moved.holes:
            listed = ",".join(str(number) for number in sorted(moved.holes))
            moved = refill(moved, self._covered(f"block_number IN ({listed})", 0, 0))
        before = frozenset[int]() if settled is None else settled.holes
        self._write_holes(moved.holes - before, opened=True)
        self._write(moved)
        self._write_holes(before - moved.holes, opened=False)
        return moved

    def _next_point(self, settled: Settled | None) -> tuple[int, bytes] | None:
        since = 0 if settled is None else settled.last
        # The farthest within a step; after a long jump of finality, the first one there is.
        rows = self._rows(
            f"SELECT block_number, block_hash FROM {self._database}.finality FINAL "
            "WHERE chain_id = {chain_id:UInt64} AND block_number > {since:UInt64} "
            "ORDER BY block_number > {until:UInt64}, "
            "if(block_number > {until:UInt64}, 1, -1) * toInt64(block_number) LIMIT 1",
            since=since,
            until=since + STEP_BLOCKS,
        )
        return (_int(rows[0][0]), _bytes(rows[0][1])) if rows else None

    def _passed(self, end_offsets: EndOffsets) -> bool:
        rows = self._rows(
            f"SELECT topic, partition, max(next_offset) FROM {self._database}.sink_progress GROUP BY ALL"
        )
        reached = {(str(topic), _int(partition)): _int(offset) for topic, partition, offset in rows}
        return all(reached.get(place, 0) >= end for place, end in end_offsets.items())

    def _covered(self, condition: str, since: int, until: int) -> list[CoveredBlock]:
        rows = self._rows(
            "SELECT block_number, block_hash, parent_hash, complete "
            f"FROM {self._database}.coverage FINAL WHERE chain_id = {{chain_id:UInt64}} AND NOT removed "
            f"AND {condition}",
            since=since,
            until=until,
        )
        return [CoveredBlock(_int(n), _bytes(h), _bytes(parent), bool(whole)) for n, h, parent, whole in rows]

    def _drop_settled_partitions(self) -> None:
        if self._earlier is None:
            return
        rows = self._rows(
            "SELECT DISTINCT partition FROM system.parts WHERE database = {database:String} "
            "AND table IN ('coverage_tip', 'coverage_tip_local') AND active",
            database=self._database,
        )
        for (partition,) in rows:
            chain_id, thousand = (int(part) for part in str(partition).strip("()").split(","))
            numbers = range(thousand * TIP_PARTITION, (thousand + 1) * TIP_PARTITION)
            if chain_id == self._chain_id and self._earlier.covers(numbers):
                self._client.command(
                    f"ALTER TABLE {self._database}.coverage_tip DROP PARTITION ({chain_id}, {thousand})"
                )

    def _write(self, settled: Settled) -> None:
        # The version is the time, so that the last writer's word holds.
        self._client.command(
            f"INSERT INTO {self._database}.settled (chain_id, from_number, to_number, version) "
            f"SELECT {self._chain_id}, {settled.first}, {settled.last}, toUnixTimestamp64Milli(now64(3))",
            settings=insert_settings(self._client),
        )

    def _write_holes(self, numbers: Collection[int], *, opened: bool) -> None:
        if numbers:
            self._client.command(
                f"INSERT INTO {self._database}.settled_holes (chain_id, block_number, open, version) "
                f"SELECT {self._chain_id}, arrayJoin({sorted(numbers)}), {opened}, "
                "toUnixTimestamp64Milli(now64(3))",
                settings=insert_settings(self._client),
            )

    def _rows(self, sql: str, **parameters: object) -> Sequence[Sequence[object]]:
        return self._client.query(sql, parameters={"chain_id": self._chain_id, **parameters}).result_rows


def _int(value: object) -> int:
    return int(cast(int, value))


def _bytes(value: object) -> bytes:
    return bytes(cast(bytes, value))
