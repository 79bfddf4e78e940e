"""A chain whose blocks are written as the sink writes them, a step at a time, and what views show of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.client import insert_settings
from connectors.clickhouse.visibility.heights import Heights, Range, runs
from connectors.clickhouse.visibility.settler import Settler

VIEWS = ("blocks", "transactions", "logs", "token_transfers", "contracts")
# Rows of a block in each table.
PER_BLOCK = {"blocks": 1, "transactions": 3, "logs": 5, "token_transfers": 2, "contracts": 1}


@dataclass
class Chain:
    """Writes blocks as the sink does, a step at a time, into a database of its own."""

    client: Client
    database: str
    chain_id: int = 1
    sequence: int = 100
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def canonical(self) -> str:
        return f"{self.database}_canonical"

    def rows(self, table: str, number: int, branch: str, *, sequence: int, removed: bool) -> None:
        names = {"blocks": "size", "contracts": "transaction_index", "transactions": "transaction_index"}
        index = names.get(table, "log_index")
        columns = ["chain_id", "block_number", "block_hash", "sequence", "removed", index]
        data = [
            [self.chain_id, number, block_hash(number, branch), sequence, removed, position]
            for position in range(PER_BLOCK[table])
        ]
        self.insert(table, columns, data)

    def insert(self, table: str, columns: Sequence[str], data: Sequence[Sequence[object]]) -> None:
        self.client.insert(
            table, data, column_names=columns, database=self.database, settings=insert_settings(self.client)
        )

    def coverage(
        self,
        number: int,
        branch: str,
        *,
        sequence: int,
        removed: bool = False,
        complete: bool = True,
        parent: str = "",
    ) -> None:
        columns = ["chain_id", "block_number", "block_hash", "parent_hash", "sequence", "removed", "complete"]
        before = block_hash(number - 1, parent or branch)
        self.insert(
            "coverage",
            columns,
            [[self.chain_id, number, block_hash(number, branch), before, sequence, removed, complete]],
        )

    def apply(self, number: int, branch: str = "a", parent: str = "") -> None:
        self.sequence += 1
        for table in VIEWS:
            self.rows(table, number, branch, sequence=self.sequence, removed=False)
        self.coverage(number, branch, sequence=self.sequence, parent=parent)

    def revert(self, number: int, branch: str = "a") -> None:
        self.sequence += 1
        self.coverage(number, branch, sequence=self.sequence, removed=True)
        for table in VIEWS:
            self.rows(table, number, branch, sequence=self.sequence, removed=True)

    def finalize(self, number: int, branch: str = "a") -> None:
        self.sequence += 1
        columns = ["chain_id", "hash", "state", "version", "sequence", "block_number", "block_hash"]
        digest = block_hash(number, branch)
        self.insert(
            "transaction_states",
            columns,
            [[self.chain_id, digest, "FINALIZED", self.sequence * 16, self.sequence, number, digest]],
        )

    def visible(
        self, client: Client | None = None, database: str = ""
    ) -> dict[str, dict[tuple[int, str], int]]:
        """Rows by (number, branch) in each view."""
        found = {}
        for view in VIEWS:
            rows = (client or self.client).query(
                f"SELECT block_number, block_hash, count() FROM {database or self.canonical}.{view} "
                f"WHERE chain_id = {self.chain_id} GROUP BY ALL"
            )
            found[view] = {
                (number, bytes.fromhex(text[2:]).rstrip(b"\0").decode().split("-")[1]): count
                for number, text, count in rows.result_rows
            }
        return found


def block_hash(number: int, branch: str) -> bytes:
    return f"{number}-{branch}".encode().ljust(32, b"\0")


def whole(*blocks: tuple[int, str]) -> dict[str, dict[tuple[int, str], int]]:
    return {view: dict.fromkeys(blocks, PER_BLOCK[view]) for view in VIEWS}


def settle(settler: Settler) -> Heights | None:
    """Both halves of a step; what is settled when it grew."""
    assert settler.tick() is None
    grown = settler.tick()
    return None if grown is None else Heights(runs(n for n in numbers_of(grown.ranges) if n in grown))


def numbers_of(heights: Heights) -> Iterator[int]:
    for each in heights.ranges:
        yield from range(each.first, each.last + 1)


def heights(*ranges: tuple[int, int]) -> Heights:
    return Heights(Range(first, last) for first, last in ranges)


def repair(
    chain: Chain, number: int, branch: str = "a", *, without: Collection[str] = (), complete: bool = True
) -> None:
    """The block said again: rows of the tables in `without` are not made any more, and are retracted."""
    chain.sequence += 1
    for table in VIEWS:
        chain.rows(table, number, branch, sequence=chain.sequence, removed=table in without)
    chain.coverage(number, branch, sequence=chain.sequence, complete=complete)


def less(
    blocks: dict[str, dict[tuple[int, str], int]], block: tuple[int, str], *views: str
) -> dict[str, dict[tuple[int, str], int]]:
    """The same without the rows of a block in some views."""
    return {
        view: {each: n for each, n in rows.items() if view not in views or each != block}
        for view, rows in blocks.items()
    }
