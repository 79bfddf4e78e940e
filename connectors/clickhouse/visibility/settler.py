"""Settles what is final and whole, so that views need not ask coverage about it.

A step has two halves. First a final block is picked and the end offsets of the public topics are noted:
states are made behind everything else, so when a FINALIZED state is in, every record that the chain's history
up to that block ever caused, retractions of orphans included, is in Kafka below those. When the tables have
passed them, nothing about these blocks can come any more, and every height at or below the final block that
has one canonical block, and that one whole, is settled. What else there is, a gap in the log or a block that
is not whole, stays with coverage, however much it is and for however long.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from connectors.clickhouse.client import Client
from connectors.clickhouse.visibility.heights import runs
from connectors.clickhouse.visibility.moving.store import MovedStore
from connectors.clickhouse.visibility.settling import CoveredBlock, settleable
from connectors.clickhouse.visibility.store import RANGES_IN_STATEMENT, Settled, SettledStore
from topics.groups import SINK

EndOffsets = Mapping[tuple[str, int], int]

# Blocks that one step looks at, at most; a long catch-up settles in steps of this size.
STEP_BLOCKS: Final = 20_000
# Deleting rewrites the table, so it waits until there are so many rows to delete.
TRIM_ROWS: Final = 1_000
# The lookup of the views has the number in 50 bits.
HIGHEST: Final = 2**50 - 2


@dataclass(frozen=True, slots=True)
class _Pending:
    number: int
    block_hash: bytes
    sequence: int
    end_offsets: EndOffsets
    # The next step goes on behind this height.
    after: int = -1


class Settler:
    """Settles one chain, a step per `tick`. Several may run at once: each writes only what is true.

    `end_offsets` gives the present end offset of each partition of the chain's public topics.
    Errors of the client (`ClickHouseError`) and of `end_offsets`, and Transient where a disk is full, go to
    the caller; the next tick starts over.
    """

    def __init__(
        self,
        client: Client,
        database: str,
        chain_id: int,
        end_offsets: Callable[[], EndOffsets],
        cluster: str = "",
    ) -> None:
        self._database = database
        self._store = SettledStore(client, database, chain_id, cluster)
        self._moved = MovedStore(client, database, chain_id)
        self._end_offsets = end_offsets
        self._pending: _Pending | None = None
        self._earlier: Settled | None = None
        self._done = 0

    def tick(self) -> Settled | None:
        """Go one half step; call every few seconds. Returns what is settled when it grew."""
        settled = self._store.read()
        if self._earlier is not None:
            self._trim(settled, self._earlier)
        if settled.exceptions:
            self._store.restore_exceptions()
        self._earlier = settled if settled.shown else None
        if not settled.shown:
            # A process that was killed in between left it so.
            self._store.show(settled.ranges, settled.sequence)
        if self._pending is None:
            point = self._next_point()
            if point is not None:
                self._pending = _Pending(*point, self._end_offsets())
            return None
        if not self._passed(self._pending.end_offsets):
            return None
        pending, self._pending = self._pending, None
        return self._settle(settled, pending)

    def settled(self) -> Settled:
        """What is settled now."""
        return self._store.read()

    def _trim(self, settled: Settled, earlier: Settled) -> None:
        # Queries may still go by what was settled at the last tick, so only that is deleted; what became an
        # exception since then stays.
        exceptions = {**earlier.exceptions, **settled.exceptions}
        moved = self._moved.read()
        if self._moved.standing().beyond(moved.version):
            # What is being moved may lack what is deleted here, and readers would not know.
            return
        # Of a moved block readers find what changed since in here, until the next move lists it.
        changed = self._moved.changed(moved).keys()
        spared = {each for each in changed if each < moved.ending} - moved.exceptions.keys()
        self._store.trim(Settled(earlier.ranges, exceptions, earlier.sequence), TRIM_ROWS, spared)

    def _settle(self, settled: Settled, pending: _Pending) -> Settled | None:
        if not self._canonical(pending):
            return None
        blocks = self._to_settle(pending)
        if len(blocks) == STEP_BLOCKS:
            self._pending = _Pending(
                pending.number,
                pending.block_hash,
                pending.sequence,
                pending.end_offsets,
                blocks[-1].number,
            )
        else:
            self._done = pending.sequence
        found = settleable(blocks, self._children(block.number for block in blocks))
        # Those that are settled already are here until they are trimmed.
        numbers = [number for number in found if number not in settled]
        return self._store.settle(settled, numbers, pending.sequence) if numbers else None

    def _next_point(self) -> tuple[int, bytes, int] | None:
        """The latest final block that was not taken back since, if it came since the last one."""
        rows = self._store.rows(
            "SELECT block_number, block_hash, max(sequence) AS latest "
            f"FROM {self._database}.finalized_blocks "
            "WHERE chain_id = {chain_id:UInt64} AND sequence > {done:UInt64} "
            "GROUP BY block_number, block_hash HAVING NOT argMax(removed, sequence) "
            "ORDER BY latest DESC, block_number DESC LIMIT 1",
            done=self._done,
        )
        return (_int(rows[0][0]), _bytes(rows[0][1]), _int(rows[0][2])) if rows else None

    def _passed(self, end_offsets: EndOffsets) -> bool:
        rows = self._store.rows(
            f"SELECT topic, partition, max(next_offset) FROM {self._database}.sink_progress GROUP BY ALL"
        )
        reached = {(str(topic), _int(partition)): _int(offset) for topic, partition, offset in rows}
        return all(reached.get(partition, 0) >= end for partition, end in end_offsets.items())

    def _canonical(self, pending: _Pending) -> bool:
        rows = self._store.rows(
            f"SELECT block_hash FROM {self._database}.coverage FINAL WHERE chain_id = {{chain_id:UInt64}} "
            "AND block_number = {number:UInt64} AND NOT removed",
            number=pending.number,
        )
        return pending.block_hash in {_bytes(block_hash) for (block_hash,) in rows}

    def _to_settle(self, pending: _Pending) -> list[CoveredBlock]:
        """Heights with one canonical block, which is whole, and with nothing doubtful beside it.

        An orphan whose retraction lacks something in the tables (it is in the dead letters, of a stage or of
        the sink) would show again once coverage is not asked about its height any more.
        """
        rows = self._store.rows(
            "SELECT block_number, anyIf(block_hash, NOT removed), anyIf(parent_hash, NOT removed) "
            f"FROM {self._database}.coverage_unsettled FINAL WHERE chain_id = {{chain_id:UInt64}} "
            "AND block_number > {after:Int64} AND block_number <= {number:UInt64} "
            "GROUP BY block_number HAVING countIf(NOT removed) = 1 AND min(complete) "
            "AND NOT max(removed AND sequence GLOBAL IN "
            f"(SELECT toUInt64OrZero(headers['sequence']) FROM {self._database}.dead_letters "
            f"WHERE stage = '{SINK}' AND headers['chain-id'] = toString({{chain_id:UInt64}}))) "
            "ORDER BY block_number LIMIT {limit:UInt64}",
            after=pending.after,
            number=min(pending.number, HIGHEST),
            limit=STEP_BLOCKS,
        )
        return [CoveredBlock(_int(number), _bytes(digest), _bytes(parent)) for number, digest, parent in rows]

    def _children(self, numbers: Iterable[int]) -> dict[int, set[bytes]]:
        """The parents that canonical blocks name, for the highest of consecutive numbers."""
        tops = [each.last + 1 for each in runs(numbers)]
        found: dict[int, set[bytes]] = {}
        for start in range(0, len(tops), RANGES_IN_STATEMENT):
            above = tops[start : start + RANGES_IN_STATEMENT]
            for number, parent in self._store.rows(
                f"SELECT block_number, parent_hash FROM {self._database}.coverage FINAL "
                "WHERE chain_id = {chain_id:UInt64} AND NOT removed "
                "AND block_number IN {above:Array(UInt64)}",
                above=above,
            ):
                found.setdefault(_int(number) - 1, set()).add(_bytes(parent))
        return found


def _int(value: object) -> int:
    return int(cast(int, value))


def _bytes(value: object) -> bytes:
    return bytes(cast(bytes, value))
