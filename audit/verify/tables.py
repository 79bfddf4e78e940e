"""ClickHouse's side: what coverage says and what the canonical views show."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, cast

from audit.verify.compare import CoverageRow, TableBlock
from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.template import view_database
from topics.coverage import BLOCKS, COUNTED

_STATES: Final = "('INCLUDED', 'SAFE', 'FINALIZED')"


class TableSource:
    """Reads one chain's coverage and views. Raises clickhouse-connect's ClickHouseError."""

    def __init__(self, client: Client, database: str, chain_id: int) -> None:
        self._client = client
        self._database = database
        self._canonical = view_database("canonical", database)
        self._chain_id = chain_id

    def extent(self) -> tuple[int, int] | None:
        """The lowest and the highest block of coverage, None when it is empty."""
        ((first, last, rows),) = self._rows(
            f"SELECT min(block_number), max(block_number), count() FROM {self._database}.coverage FINAL "
            "WHERE chain_id = {chain_id:UInt64} AND NOT removed"
        )
        return (_int(first), _int(last)) if rows else None

    def coverage(self, first: int, last: int) -> dict[int, list[CoverageRow]]:
        """Rows of coverage that are not removed, by height."""
        counts = ", ".join(counted.field for counted in COUNTED)
        found: dict[int, list[CoverageRow]] = defaultdict(list)
        for number, block_hash, parent, complete, problem, *each in self._rows(
            f"SELECT block_number, block_hash, parent_hash, complete, problem, {counts} "
            f"FROM {self._database}.coverage FINAL WHERE {_RANGE} AND NOT removed",
            first,
            last,
        ):
            counted_rows = {counted.table: _int(count) for counted, count in zip(COUNTED, each, strict=True)}
            row = CoverageRow(
                _bytes(block_hash),
                _bytes(parent),
                counted_rows,
                bool(complete),
                None if problem is None else str(problem),
            )
            found[_int(number)].append(row)
        return found

    def shown(self, first: int, last: int) -> dict[int, dict[bytes, TableBlock]]:
        """What the canonical views show, by height and hash."""
        found: dict[int, dict[bytes, TableBlock]] = defaultdict(lambda: defaultdict(TableBlock))
        for table in (BLOCKS, *(counted.table for counted in COUNTED)):
            for number, text, count in self._rows(
                f"SELECT block_number, block_hash, count() FROM {self._canonical}.{table} WHERE {_RANGE} "
                "GROUP BY block_number, block_hash",
                first,
                last,
            ):
                found[_int(number)][_hex(text)].rows[table] = _int(count)
        for number, block_hash, count in self._rows(
            f"SELECT block_number, block_hash, count() FROM {self._database}.transaction_states FINAL "
            f"WHERE {_RANGE} AND state IN {_STATES} GROUP BY block_number, block_hash",
            first,
            last,
        ):
            found[_int(number)][_bytes(block_hash)].states = _int(count)
        for number, block_hash, count in self._rows(
            "SELECT s.block_number, s.block_hash, count() FROM "
            "(SELECT hash, block_number, block_hash, execution_status "
            f"FROM {self._database}.transaction_states FINAL WHERE {_RANGE} AND state IN {_STATES}) AS s "
            "INNER JOIN (SELECT toFixedString(unhex(substring(hash, 3)), 32) AS hash, "
            "toFixedString(unhex(substring(block_hash, 3)), 32) AS block_hash, receipt_status "
            f"FROM {self._canonical}.transactions WHERE {_RANGE}) AS t "
            "ON s.hash = t.hash AND s.block_hash = t.block_hash "
            "WHERE s.execution_status != multiIf(t.receipt_status = 1, 'SUCCEEDED', t.receipt_status = 0, "
            "'REVERTED', s.execution_status) GROUP BY ALL",
            first,
            last,
        ):
            found[_int(number)][_bytes(block_hash)].wrong_states = _int(count)
        return found

    def _rows(self, sql: str, first: int = 0, last: int = 0) -> Sequence[Sequence[object]]:
        parameters = {"chain_id": self._chain_id, "first": first, "last": last}
        return self._client.query(sql, parameters=parameters).result_rows


_RANGE: Final = "chain_id = {chain_id:UInt64} AND block_number BETWEEN {first:UInt64} AND {last:UInt64}"


def _int(value: object) -> int:
    return int(cast(int, value))


def _bytes(value: object) -> bytes:
    return bytes(cast(bytes, value))


def _hex(value: object) -> bytes:
    return bytes.fromhex(str(value)[2:])
