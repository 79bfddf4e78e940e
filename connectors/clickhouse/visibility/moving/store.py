"""What was moved, and the staging tables, as ClickHouse keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.visibility.heights import Heights, Range, edges
from connectors.clickhouse.visibility.moving.attempts import LOCK, MOVED, TABLES, Attempt, Standing, Taking
from connectors.clickhouse.visibility.moving.plan import HeightCoverage, Move, Moved
from connectors.clickhouse.visibility.moving.statements import copy, hand_over

_EXISTS: Final = 57
_UNKNOWN: Final = 60
# Higher than any.
_NO_SEQUENCE: Final = 2**63
_NOTHING: Final = "(nothing UInt8) ENGINE = Null"


class MovedStore:
    """One chain's moved heights. Methods raise ClickHouseError."""

    def __init__(self, client: Client, database: str, chain_id: int) -> None:
        self._client = client
        self._database = database
        self._chain_id = chain_id

    def read(self) -> Moved:
        """What is moved now."""
        rows = self._rows(
            f"SELECT version, edges, ending, exceptions, sequence FROM {self._database}.moved FINAL "
            "WHERE chain_id = {chain_id:UInt64}"
        )
        if not rows:
            return Moved()
        version, found, ending, exceptions, sequence = cast(tuple[Any, ...], rows[0])
        pairs = zip(found[::2], found[1::2], strict=True)
        ranges = [Range(begin // 2, stop // 2 - 1) for begin, stop in pairs]
        return Moved(version, Heights(ranges), ending, dict(exceptions), sequence)

    def standing(self) -> Standing:
        """The staging tables of this chain."""
        rows = self._rows(
            "SELECT name, engine FROM system.tables WHERE database = {database:String} "
            "AND startsWith(name, {prefix:String})",
            database=self._database,
            prefix=f"settling_{self._chain_id}_",
        )
        return Standing({str(name): str(engine) for name, engine in rows})

    def begin(self, attempt: Attempt) -> bool:
        """Make an attempt this process's; False when it is another process's."""
        return self._create(attempt.staging(LOCK), _NOTHING)

    def take(self, attempt: Attempt) -> bool:
        """Let the attempts before this one do nothing more; False when some still might."""
        for name, to in self.standing().taking(attempt).renamed:
            self._rename(name, to)
        for name in self.standing().taking(attempt).blocking:
            self._create(name, _NOTHING)
        return self.standing().taking(attempt) == Taking() and self.idle(attempt.version)

    def prepared(self, attempt: Attempt) -> int | None:
        """Which attempt prepared the tables that this one has taken, if one did."""
        for origin in self.standing().held(attempt):
            ((count,),) = self._rows(f"SELECT count() FROM {self._database}.{attempt.held(origin, MOVED)}")
            if count:
                return origin
        return None

    def stage(self, attempt: Attempt) -> bool:
        """Make an attempt's tables; False when a later one has made that of `moved`."""
        return self._create(attempt.staging(MOVED), f"AS {self._database}.moved") and all(
            self._create(attempt.staging(table), f"AS {self._database}.settled_{table}") for table in TABLES
        )

    def copy(self, attempt: Attempt, move: Move) -> None:
        """Put the rows into the staging tables."""
        for table in TABLES:
            columns = self._columns(f"settled_{table}")
            self._client.command(
                copy(self._database, table, attempt.staging(table), columns, self._chain_id, move),
                settings=insert_settings(self._client),
            )

    def prepare(self, attempt: Attempt, after: Moved) -> None:
        """Stage what is moved when the rows are. Fails when the attempt is not this process's any more."""
        row = [
            self._chain_id,
            after.version,
            list(edges(after.heights)),
            after.ending,
            sorted(after.exceptions.items()),
            after.sequence,
        ]
        self._client.insert(
            attempt.staging(MOVED),
            [row],
            column_names=["chain_id", "version", "edges", "ending", "exceptions", "sequence"],
            database=self._database,
            settings=insert_settings(self._client),
        )

    def hand_over(self, attempt: Attempt, origin: int) -> None:
        """Move what attempt `origin` has prepared; the row of `moved`, which makes it count, comes last."""
        for table in (*TABLES, MOVED):
            name = attempt.held(origin, table)
            target = table if table == MOVED else f"settled_{table}"
            for (partition,) in self._rows(
                "SELECT DISTINCT partition FROM system.parts WHERE active AND database = {database:String} "
                "AND table = {table:String}",
                database=self._database,
                table=name,
            ):
                self._client.command(hand_over(self._database, name, target, str(partition)))

    def drop(self, names: Sequence[str]) -> None:
        """Drop staging tables."""
        for name in names:
            self._client.command(f"DROP TABLE IF EXISTS {self._database}.{name}")

    def coverage(self, sequence: int, moved: Moved) -> dict[int, HeightCoverage]:
        """What coverage says of heights behind a sequence, of moved ones behind theirs, and of what is not
        whole.
        """
        rows = self._rows(
            "SELECT block_number, max(sequence) AS latest, maxIf(sequence, NOT removed), "
            "min(complete) AS whole "
            f"FROM {self._database}.coverage_unsettled FINAL WHERE chain_id = {{chain_id:UInt64}} "
            "GROUP BY block_number HAVING latest > {sequence:UInt64} OR NOT whole "
            "OR (block_number < {ending:UInt64} AND latest > {moved:UInt64})",
            sequence=sequence,
            ending=moved.ending,
            moved=moved.sequence,
        )
        return {
            _int(number): HeightCoverage(_int(latest), _int(at), bool(whole))
            for number, latest, at, whole in rows
        }

    def changed(self, moved: Moved) -> dict[int, HeightCoverage]:
        """What coverage says of heights since they were moved, and of what is not whole."""
        return self.coverage(_NO_SEQUENCE, moved)

    def gone(self, sequence: int) -> set[int]:
        """Heights whose block in the settled tables coverage has as removed behind a sequence."""
        rows = self._rows(
            f"SELECT block_number FROM {self._database}.settled_blocks WHERE chain_id = {{chain_id:UInt64}} "
            "AND (block_number, block_hash) IN (SELECT block_number, block_hash "
            f"FROM {self._database}.coverage_unsettled FINAL WHERE chain_id = {{chain_id:UInt64}} "
            "AND removed AND sequence > {sequence:UInt64})",
            sequence=sequence,
        )
        return {_int(number) for (number,) in rows}

    def touched(self, move: Move, sequence: int) -> list[int]:
        """Heights in the span of a move that coverage decides, or did since a sequence."""
        rows = self._rows(
            f"SELECT block_number FROM {self._database}.settled_exceptions FINAL "
            "WHERE chain_id = {chain_id:UInt64} AND block_number BETWEEN {first:UInt64} AND {last:UInt64} "
            "AND (open OR sequence > {sequence:UInt64})",
            first=move.heights.ranges[0].first,
            last=move.heights.ranges[-1].last,
            sequence=sequence,
        )
        return [_int(number) for (number,) in rows]

    def _columns(self, table: str) -> list[str]:
        rows = self._rows(
            "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} "
            "AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position",
            database=self._database,
            table=table,
        )
        return [str(name) for (name,) in rows]

    def idle(self, version: int) -> bool:
        """Whether no statement about staging tables of a version runs.

        One may have begun before the tables were renamed.
        """
        # The text of this query has the name in pieces.
        pieces = f"'settling', '{self._chain_id}', '{version}', ''"
        ((count,),) = self._rows(
            "SELECT count() FROM system.processes "
            f"WHERE position(query, concatWithSeparator('_', {pieces})) > 0"
        )
        return not count

    def _rename(self, name: str, to: str) -> None:
        try:
            self._client.command(f"RENAME TABLE {self._database}.{name} TO {self._database}.{to}")
        except ClickHouseError as error:
            # A later attempt was first.
            if getattr(error, "code", None) != _UNKNOWN:
                raise

    def _create(self, name: str, what: str) -> bool:
        """Whether it was we who made the table."""
        try:
            self._client.command(f"CREATE TABLE {self._database}.{name} {what}")
        except ClickHouseError as error:
            if getattr(error, "code", None) == _EXISTS:
                return False
            raise
        return True

    def _rows(self, sql: str, **parameters: object) -> Sequence[Sequence[object]]:
        return self._client.query(sql, parameters={"chain_id": self._chain_id, **parameters}).result_rows


def _int(value: object) -> int:
    return int(cast(int, value))
