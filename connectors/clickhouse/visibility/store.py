"""What is settled, as ClickHouse keeps it: ranges that only grow, exceptions, and the form for the views.

Rows go in as data, and statements that name heights do so by ranges, a bounded number in each: the length
of a statement never depends on how much is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.room import require_room
from connectors.clickhouse.visibility.heights import Heights, Range, edges, runs

# A range in a condition takes about 50 bytes; ClickHouse's parser takes 262,144 (max_query_size).
RANGES_IN_STATEMENT: Final = 500
_UNSETTLED: Final = "chain_id, block_number, parent_hash, block_hash, sequence, removed, complete"


@dataclass(frozen=True, slots=True)
class Settled:
    """`ranges` less the `exceptions`, height → sequence of the retraction that made it one.

    `sequence` is that of the FINALIZED event under which this was settled last. `shown` tells whether the
    views know all of `ranges`.
    """

    ranges: Heights = field(default_factory=Heights)
    exceptions: Mapping[int, int] = field(default_factory=dict)
    sequence: int = 0
    shown: bool = True

    def __contains__(self, number: int) -> bool:
        return number in self.ranges and number not in self.exceptions


class SettledStore:
    """One chain's settled heights. Methods raise ClickHouseError, `trim` also Transient."""

    def __init__(self, client: Client, database: str, chain_id: int, cluster: str = "") -> None:
        self._client = client
        self._database = database
        self._chain_id = chain_id
        self._cluster = cluster

    def read(self) -> Settled:
        """What is settled now."""
        ranges = self.rows(
            f"SELECT first_number, last_number FROM {self._database}.settled_ranges FINAL "
            "WHERE chain_id = {chain_id:UInt64}"
        )
        exceptions = self.rows(
            f"SELECT block_number, sequence FROM {self._database}.settled_exceptions FINAL "
            "WHERE chain_id = {chain_id:UInt64} AND open"
        )
        # Behind the ranges: another process may have settled more since, and then shows more.
        heights, sequence = self._shown()
        known = Heights(Range(_int(first), _int(last)) for first, last in ranges)
        return Settled(
            known, {_int(number): _int(at) for number, at in exceptions}, sequence, heights >= len(known)
        )

    def settle(self, settled: Settled, numbers: Collection[int], sequence: int) -> Settled:
        """Add heights under the FINALIZED event of `sequence`. Returns what is settled then."""
        ranges = settled.ranges | Heights(runs(numbers))
        grown = set(ranges.ranges) - set(settled.ranges.ranges)
        self._insert(
            "settled_ranges",
            ("first_number", "last_number"),
            [(each.first, each.last) for each in sorted(grown)],
        )
        self.show(ranges, sequence)
        closed = settled.exceptions.keys() & set(numbers)
        self._insert(
            "settled_exceptions",
            ("block_number", "open", "sequence"),
            [(number, False, sequence) for number in sorted(closed)],
        )
        left = {number: at for number, at in settled.exceptions.items() if number not in closed}
        return Settled(ranges, left, sequence)

    def show(self, ranges: Heights, sequence: int) -> None:
        """Let the views know these ranges.

        A final block of which coverage says that it is not whole divides no range there: the views find it
        in coverage, at the same cost however many there are. Up to the last settled height nothing else can
        come to be at its height, unless a retraction makes it an exception first.
        """
        if not ranges.ranges:
            return
        incomplete = self.rows(
            f"SELECT block_number FROM {self._database}.coverage_unsettled FINAL "
            "WHERE chain_id = {chain_id:UInt64} AND block_number <= {last:UInt64} AND NOT removed "
            "GROUP BY block_number HAVING NOT max(complete)",
            last=ranges.ranges[-1].last,
        )
        known = ranges | Heights(runs(_int(number) for (number,) in incomplete))
        self._insert(
            "settled_lookup",
            ("edges", "heights", "sequence"),
            [(list(edges(known)), len(ranges), sequence)],
        )

    def unsettle(self, retracted: Mapping[int, int]) -> None:
        """Let coverage decide heights again: number → the sequence at which it was retracted.

        Retractions below what was settled under a later FINALIZED were taken into account by that (they are
        read again in a replay); above what was announced as final nothing is ever settled.
        """
        ((final,),) = self.rows(
            f"SELECT max(block_number) FROM {self._database}.finalized_blocks "
            "WHERE chain_id = {chain_id:UInt64} AND NOT removed"
        )
        _, sequence = self._shown()
        due = {n: at for n, at in retracted.items() if n <= _int(final) and at > sequence}
        # What was settled has left the part of coverage that the views look at.
        for condition in _conditions(runs(due)):
            self._put_back(condition)
        self._insert(
            "settled_exceptions",
            ("block_number", "open", "sequence"),
            [(number, True, at) for number, at in sorted(due.items())],
        )

    def restore_exceptions(self) -> None:
        """Let the views find the coverage of every exception.

        `trim` of another process, which did not know of an exception yet, may delete what `unsettle` puts
        back.
        """
        self._put_back(
            f"block_number GLOBAL IN (SELECT block_number FROM {self._database}.settled_exceptions FINAL "
            f"WHERE chain_id = {self._chain_id} AND open) "
            "AND (block_number, block_hash) GLOBAL NOT IN (SELECT block_number, block_hash "
            f"FROM {self._database}.coverage_unsettled WHERE chain_id = {self._chain_id})"
        )

    def trim(self, settled: Settled, least: int, spared: Collection[int] = ()) -> None:
        """Delete what is settled from what the views look at, once `least` rows of a table are to go.

        Call it with what was settled some seconds ago: a query may still go by that. Rows of a later
        sequence stay, since they are of a change that `settled` does not know, and so do those of a settled
        block that is not whole any more, and of `spared` heights.
        """
        for table, kept in (("coverage_unsettled", "NOT min(complete)"), ("retractions_unsettled", "false")):
            rows = self.rows(
                f"SELECT block_number, count() FROM {self._database}.{table} FINAL "
                "WHERE chain_id = {chain_id:UInt64} AND sequence <= {sequence:UInt64} "
                f"GROUP BY block_number HAVING NOT ({kept})",
                sequence=settled.sequence,
            )
            due = {
                number: _int(count)
                for each, count in rows
                if (number := _int(each)) in settled and number not in spared
            }
            if sum(due.values()) < least:
                continue
            require_room(self._client, self._database)
            # A mutation takes a table that holds rows, and each rewrites it: the rest goes at the next call.
            for condition in list(_conditions(runs(due)))[:1]:
                self._client.command(
                    f"ALTER TABLE {self._local(table)} DELETE WHERE chain_id = {self._chain_id} "
                    f"AND sequence <= {settled.sequence} AND ({condition})",
                    settings={"mutations_sync": 1},
                )

    def rows(self, sql: str, **parameters: object) -> Sequence[Sequence[object]]:
        """The rows of a query, which may use `chain_id` and what is given."""
        return self._client.query(sql, parameters={"chain_id": self._chain_id, **parameters}).result_rows

    def _put_back(self, condition: str) -> None:
        self._client.command(
            f"INSERT INTO {self._database}.coverage_unsettled ({_UNSETTLED}) SELECT {_UNSETTLED} "
            f"FROM {self._database}.coverage FINAL WHERE chain_id = {self._chain_id} AND ({condition})",
            settings=insert_settings(self._client),
        )

    def _shown(self) -> tuple[int, int]:
        rows = self.rows(
            f"SELECT heights, sequence FROM {self._database}.settled_lookup FINAL "
            "WHERE chain_id = {chain_id:UInt64}"
        )
        return (_int(rows[0][0]), _int(rows[0][1])) if rows else (0, 0)

    def _local(self, table: str) -> str:
        if not self._cluster:
            return f"{self._database}.{table}"
        return f"{self._database}.{table}_local ON CLUSTER '{self._cluster}'"

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        if rows:
            self._client.insert(
                table,
                [(self._chain_id, *row) for row in rows],
                column_names=["chain_id", *columns],
                database=self._database,
                settings=insert_settings(self._client),
            )


def _conditions(ranges: Iterable[Range]) -> Iterator[str]:
    pieces = [f"block_number BETWEEN {each.first} AND {each.last}" for each in ranges]
    for start in range(0, len(pieces), RANGES_IN_STATEMENT):
        yield " OR ".join(pieces[start : start + RANGES_IN_STATEMENT])


def _int(value: object) -> int:
    return int(cast(int, value))
