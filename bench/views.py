"""The views over a million blocks, with blocks that stay incomplete and orphans, and without.

Two databases on one server hold the same chain with its newest blocks not settled yet. In one every block is
whole; in the other 1,000 blocks are incomplete and 10,000 more were orphaned. Each query is asked of the one,
of the other and of the one again, in turn, so that what else the machine does falls on all alike, and the
medians are compared; what the one differs by from itself is what nothing at all comes to. Then the same once
settled rows are in tables of their own, as a sink leaves them.

Run alone with `python -m bench.views [--blocks N]`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Final, cast

from bench.clickhouse import server, settings_of
from bench.report import Row, publish
from connectors.clickhouse.client import Client, connect, insert_settings
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.visibility.moving.mover import Mover
from connectors.clickhouse.visibility.moving.plan import PARTITION_HEIGHTS, Limits, Moved
from connectors.clickhouse.visibility.settler import Settler
from headwater.settings import Settings

BLOCKS: Final = 1_000_000
HOLES: Final = 1_000
ORPHANS: Final = 10_000
PER_BLOCK: Final = {"blocks": 1, "transactions": 2, "logs": 2}
# Blocks at the tip that coverage shows: two epochs of Ethereum.
UNSETTLED: Final = 64
ROUNDS: Final = 25
# What one and the same query differs by from run to run here.
NOISE: Final = 1.15

HASH: Final = "reinterpretAsFixedString(toUInt256(number + {salt}))"
QUERIES: Final[Mapping[str, str]] = {
    "count of blocks": "SELECT count() FROM {db}_canonical.blocks",
    "gas of all transactions": "SELECT sum(receipt_gas_used) FROM {db}_canonical.transactions",
    "logs of all addresses": "SELECT address, count() FROM {db}_canonical.logs GROUP BY address ORDER BY 1",
    "count of final logs": "SELECT count() FROM {db}_finalized.logs",
    "a block by number": "SELECT * FROM {db}_canonical.blocks WHERE block_number = 777777",
    "10,000 blocks of transactions": "SELECT count() FROM {db}_canonical.transactions "
    "WHERE chain_id = 1 AND block_number BETWEEN 400000 AND 410000",
}


def rows(blocks: int = BLOCKS) -> list[Row]:
    """Milliseconds a query with holes and orphans, against the same without."""
    with server() as where:
        client = connect(settings_of(where, "clean").clickhouse, database="")
        for name, holes, orphans in (("clean", 0, 0), ("holed", HOLES, ORPHANS)):
            _fill(client, settings_of(where, name), blocks, holes, orphans)
        found = _compared(client, blocks, "views")
        for name in ("clean", "holed"):
            _move(client, name, blocks)
        found += _compared(client, blocks, "views, moved")
        client.close()
    return found


def _compared(client: Client, blocks: int, what: str) -> list[Row]:
    found = []
    for name, query in QUERIES.items():
        asked: tuple[tuple[str, list[float]], ...] = (("clean", []), ("holed", []), ("clean", []))
        for _ in range(ROUNDS):
            for database, taken in asked:
                started = time.perf_counter()
                client.query(query.format(db=database))
                taken.append(time.perf_counter() - started)
        clean_ms, holed_ms, again_ms = (median(taken) * 1000 for _, taken in asked)
        found.append(
            Row(
                f"{what}: {name}",
                holed_ms,
                "ms",
                "without holes",
                clean_ms,
                f"within {NOISE:.2f}",
                holed_ms / clean_ms <= NOISE,
                f"{HOLES:,} of {blocks:,} incomplete, {ORPHANS:,} orphaned; "
                f"without any, a second time: {again_ms / clean_ms:.2f}",
            )
        )
    return found


def _move(client: Client, database: str, blocks: int) -> None:
    mover = Mover(client, database, 1, Limits(stride=PARTITION_HEIGHTS))
    mover.tick()
    while mover.tick() is not None:
        pass
    moved = mover.moved()
    assert moved.ending > blocks - 2 * Limits().step
    # What was moved leaves the tables of the sink in the ticks behind, a bounded number of ranges in each: at
    # once where nothing is missing, later between 1,000 holes. A sink goes on ticking.
    _until_still(mover.tick, lambda: _left(client, database, moved))
    assert _left(client, database, moved) == 0
    for table in (*PER_BLOCK, *(f"settled_{each}" for each in PER_BLOCK)):
        client.command(f"OPTIMIZE TABLE {database}.{table} FINAL")


def _left(client: Client, database: str, moved: Moved) -> int:
    """How many moved heights the tables that the sink writes still have rows of, one count for each table."""
    return sum(
        cast(int, height) in moved.heights
        for table in PER_BLOCK
        for (height,) in client.query(f"SELECT DISTINCT block_number FROM {database}.{table}").result_rows
    )


def _looked_at(client: Client, database: str) -> int:
    """Rows that the views look at whatever is asked."""
    return sum(
        cast(int, client.query(f"SELECT count() FROM {database}.{table} FINAL").result_rows[0][0])
        for table in ("coverage_unsettled", "retractions_unsettled")
    )


def _until_still(tick: Callable[[], object], count: Callable[[], int]) -> None:
    """Tick until what is counted stays as it is."""
    before, now = -1, count()
    while now != before:
        tick()
        before, now = now, count()


def _fill(client: Client, settings: Settings, blocks: int, holes: int, orphans: int) -> None:
    migrate(client, settings, 1)
    database = settings.clickhouse.database
    # An incomplete block lacks its last log.
    whole = f"number % {blocks // holes} != 7" if holes else "true"
    for table, count in PER_BLOCK.items():
        _insert(client, database, table, count, f"numbers({blocks})", HASH.format(salt=1), "false")
        if orphans:
            source = f"(SELECT number * {blocks // orphans} AS number FROM numbers({orphans}))"
            _insert(client, database, table, count, source, HASH.format(salt="toUInt64(1e12)"), "true")
    for source, salt, removed in (
        (f"numbers({blocks + UNSETTLED})", "1", "false"),
        (
            f"(SELECT number * {blocks // max(1, orphans)} AS number FROM numbers({orphans}))",
            "toUInt64(1e12)",
            "true",
        ),
    ):
        client.command(
            f"INSERT INTO {database}.coverage "
            "(chain_id, block_number, block_hash, parent_hash, sequence, removed, complete) "
            f"SELECT 1, number, {HASH.format(salt=salt)}, {HASH.format(salt=0)}, "
            f"number + 1, {removed}, {whole} FROM {source}",
            settings=insert_settings(client),
        )
    final = f"number = {blocks - 1}"
    client.command(
        f"INSERT INTO {database}.transaction_states "
        "(chain_id, hash, state, version, sequence, block_number, block_hash) "
        f"SELECT 1, {HASH.format(salt=1)}, 'FINALIZED', 1, {2 * blocks}, number, {HASH.format(salt=1)} "
        f"FROM numbers({blocks}) WHERE {final}",
        settings=insert_settings(client),
    )
    tip = f"(SELECT number + {blocks} AS number FROM numbers({UNSETTLED}))"
    for table, count in PER_BLOCK.items():
        _insert(client, database, table, count, tip, HASH.format(salt=1), "false")
    settler = Settler(client, database, 1, dict)
    settler.tick()
    while settler.tick() is not None:
        pass
    # What was settled is deleted a step later, some of it at a time: each orphan is a range of its own.
    _until_still(settler.tick, lambda: _looked_at(client, database))
    assert len(settler.settled().ranges) == blocks - holes
    # As background merges leave them in time; in both databases alike.
    for table in (*PER_BLOCK, "coverage", "coverage_unsettled", "settled_lookup", "settled_ranges"):
        client.command(f"OPTIMIZE TABLE {database}.{table} FINAL")


def _insert(
    client: Client, database: str, table: str, count: int, source: str, digest: str, removed: str
) -> None:
    columns = {
        "blocks": "size",
        "transactions": "transaction_index, receipt_gas_used, hash",
        "logs": "log_index, address, topics",
    }[table]
    values = {
        "blocks": "position",
        "transactions": "position, 21000, reinterpretAsFixedString(toUInt256(number * 7 + position))",
        "logs": "position, toFixedString(toString(number % 1000), 20), []",
    }[table]
    client.command(
        f"INSERT INTO {database}.{table} (chain_id, block_number, block_hash, sequence, removed, {columns}) "
        f"SELECT 1, number, {digest}, number + 1, {removed}, {values} FROM {source} "
        f"ARRAY JOIN range({count}) AS position",
        settings=insert_settings(client),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.views", description=__doc__)
    parser.add_argument("--blocks", type=int, default=BLOCKS)
    publish("views", rows(parser.parse_args().blocks))
