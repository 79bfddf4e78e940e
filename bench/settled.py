"""A design that is measured and not built: what is settled in tables of its own (docs/adr/0027).

`move` makes a database in which the settled rows of another one stand in MergeTree tables, ordered for the
questions that are asked, and the tables that the sink writes have the rest alone. Its canonical views are the
one followed by the other. `python -m bench.queries --settled` asks both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.migrations.template import Target, render
from headwater.settings import Settings


@dataclass(frozen=True, slots=True)
class _Order:
    """How a table of settled rows is ordered; `text` columns as the hex text that the views show.

    `found_by`: columns that have a bloom filter of their hex text.
    `copied_by`: a column by which a projection has the rows themselves a second time.
    """

    by: str
    found_by: tuple[str, ...] = ()
    copied_by: str = ""
    granularity: int = 8192


def _text(column: str) -> str:
    return f"concat('0x', lower(hex({column})))"


# No chain_id in front: partitions have it, and ORDER BY block_number is read in the table's order without it.
_ORDERS: Final = {
    "blocks": _Order("block_number", ("block_hash",), granularity=1024),
    "transactions": _Order("block_number, transaction_index", ("hash",), granularity=2048),
    "logs": _Order(
        f"{_text('address')}, topic0, block_number, log_index", ("transaction_hash",), granularity=4096
    ),
    "token_transfers": _Order(
        "block_number, log_index, batch_index",
        ("transaction_hash", "from_address", "to_address"),
        "token_address",
        granularity=4096,
    ),
    "token_transfers_by_address": _Order(
        f"{_text('address')}, block_number, log_index, batch_index, direction", granularity=4096
    ),
    "contracts": _Order(f"{_text('address')}, block_number, transaction_index"),
}
# What the settler would write when a move is done: the heights whose rows are in the tables of settled rows.
_MOVED: Final = """
CREATE TABLE IF NOT EXISTS {{db}}.moved (chain_id UInt64, edges Array(UInt64), version UInt64)
ENGINE = ReplacingMergeTree(version) ORDER BY chain_id;
"""
# What is not settled comes first: its scalars are computed when it is analysed, and the parts of the second
# table are pinned behind them. The other way round a reader missed a block now and then while blocks moved.
_VIEW: Final = """
CREATE OR REPLACE VIEW {{{{canonical_db}}}}.{table} AS
WITH
    {{{{settled}}}},
    (SELECT argMax(edges, version) FROM {{{{db}}}}.moved WHERE chain_id = 1) AS moved,
    (SELECT groupArray(block_number) FROM {{{{db}}}}.settled_exceptions FINAL WHERE open) AS exceptions
SELECT {{{{{table}_columns}}}} FROM {{{{db}}}}.{table}_current AS t
WHERE
    (
        bitTest(roundDown(2 * t.block_number + 1, arrayConcat([toUInt64(1)], moved)), 0)
        OR has(exceptions, t.block_number)
    )
    AND {{{{visible}}}}
UNION ALL
SELECT {{{{{table}_columns}}}} FROM {{{{db}}}}.settled_{table} AS t
WHERE t.block_number < intDiv(moved[-1], 2) AND (empty(exceptions) OR NOT has(exceptions, t.block_number));
"""
_LOOKUPS: Final = (
    "coverage_unsettled",
    "retractions_unsettled",
    "settled_ranges",
    "settled_lookup",
    "settled_exceptions",
)


def move(client: Client, settings: Settings, source: str) -> None:
    """Migrate a database and fill it from `source`, a database of `bench.history`, as the design has it."""
    migrate(client, settings, 1)
    database = settings.clickhouse.database
    for lookup in _LOOKUPS:
        client.command(f"INSERT INTO {database}.{lookup} SELECT * FROM {source}.{lookup}")
    target = Target(database)
    for statement in render(_MOVED, target):
        client.command(statement)
    client.command(
        f"INSERT INTO {database}.moved "
        "SELECT chain_id, arrayFlatten(groupArray([2 * first_number, 2 * last_number + 3])), 1 "
        f"FROM (SELECT * FROM {source}.settled_ranges FINAL ORDER BY first_number) GROUP BY chain_id"
    )
    one = {"max_threads": 1, "max_insert_threads": 1}
    for table, order in _ORDERS.items():
        columns = _columns(client, source, table)
        client.command(_create(database, table, order, columns))
        names = ", ".join(name for name, _, kind, _, _ in columns if not kind and name != "removed")
        edges = f"(SELECT arrayConcat([toUInt64(1)], argMax(edges, version)) FROM {database}.moved)"
        left = f"bitTest(roundDown(2 * block_number + 1, {edges}), 0)"
        client.command(
            f"INSERT INTO {database}.settled_{table} ({names}) "
            f"SELECT {names} FROM {source}.{table} FINAL WHERE NOT removed AND NOT {left}",
            settings=one,
        )
        if table == "token_transfers_by_address":
            # The table's own view has filled the rest.
            continue
        names = ", ".join(name for name, _, kind, _, _ in columns if not kind)
        client.command(
            f"INSERT INTO {database}.{table} ({names}) SELECT {names} FROM {source}.{table} WHERE {left}",
            settings=one,
        )
    sql = (
        resources.files("connectors.clickhouse.migrations")
        .joinpath("0006_views_by_range.sql")
        .read_text("utf-8")
    )
    for table in _ORDERS:
        definitions = "\n".join(re.findall(r"/\* define .*?\*/", sql, re.DOTALL))
        for statement in render(definitions + _VIEW.format(table=table), target):
            client.command(statement)


def merge(client: Client, database: str) -> None:
    """Leave each table in one part."""
    for table in _ORDERS:
        client.command(f"OPTIMIZE TABLE {database}.settled_{table} FINAL")


def _create(database: str, table: str, order: _Order, columns: list[tuple[str, ...]]) -> str:
    lines = [
        f"{name} {kind} {default} {expression if default else ''} {codec}"
        for name, kind, default, expression, codec in columns
        if name != "removed"
    ]
    lines += [
        f"INDEX {column}_bloom {_text(column)} TYPE bloom_filter(0.001) GRANULARITY 1"
        for column in order.found_by
    ]
    if order.copied_by:
        by = f"{_text(order.copied_by)}, block_number"
        lines.append(f"PROJECTION copied_by_{order.copied_by} (SELECT * ORDER BY {by})")
    return (
        f"CREATE TABLE IF NOT EXISTS {database}.settled_{table} ({', '.join(lines)}, "
        "INDEX block_timestamp_range block_timestamp TYPE minmax GRANULARITY 1) ENGINE = MergeTree "
        f"PARTITION BY (chain_id, intDiv(block_number, 1000000)) ORDER BY ({order.by}) "
        f"SETTINGS index_granularity = {order.granularity}"
    )


def _columns(client: Client, database: str, table: str) -> list[tuple[str, ...]]:
    """Name, type, kind of default, its expression and codec of the columns that are stored."""
    found = client.query(
        "SELECT name, type, default_kind, default_expression, compression_codec FROM system.columns "
        f"WHERE database = '{database}' AND table = '{table}' AND default_kind != 'ALIAS' ORDER BY position"
    ).result_rows
    return [tuple(str(value) for value in row) for row in found]
