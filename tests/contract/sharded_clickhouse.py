"""Two databases of one server that stand in for the shards of a cluster.

No second server can be had in a test, and the embedded engine takes every shard for a remote one. So what
`migrate` would run on a cluster is run with these changes: each `_local` table is there in both databases, a
Distributed table reads from both through a Merge table, and an insert into it goes through a Null table whose
views divide rows by the very expression of the Distributed table. What this shows: that rows which are
folded together meet on one shard, and that the views are right over tables whose FINAL stops at the shard.
What it cannot show: the network, replicas, and what ClickHouse itself does with the statements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.migrations.files import load
from connectors.clickhouse.migrations.template import Target, render

CLUSTER: Final = "stand_in"
SHARDS: Final = 2

_DISTRIBUTED: Final = re.compile(
    r"CREATE TABLE IF NOT EXISTS (?P<db>\w+)\.(?P<table>\w+) AS \S+ ENGINE = Distributed\([^,]+, [^,]+, "
    r"[^,]+, (?P<by>.+)\)$",
    re.DOTALL,
)


class ShardedClient:
    """A client of the stand-in: inserts go to the routers, statements ON CLUSTER to each shard."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._database = database
        self.server_settings = client.server_settings
        self.query = client.query

    def insert(self, table: str, data: Sequence[Sequence[object]], **options: object) -> object:
        return self._client.insert(table, data, **{**options, "database": f"{self._database}_0"})

    def command(self, cmd: str, settings: Mapping[str, object] | None = None) -> object:
        on_cluster = f" ON CLUSTER '{CLUSTER}'"
        if on_cluster in cmd:
            for shard in range(SHARDS):
                self._client.command(_on_shard(cmd, self._database, shard), settings=settings)
            return None
        # An INSERT into a Distributed table.
        into = f"INSERT INTO {self._database}."
        return self._client.command(cmd.replace(into, into.replace(".", "_0.")), settings=settings)


def migrate_sharded(client: Client, database: str) -> ShardedClient:
    """Make the tables and views of a cluster of two shards."""
    target = Target(database, CLUSTER, {"chain_id": "1", "etl_db": f"{database}_ethereum_etl"})
    sharded = ShardedClient(client, database)
    for name in (database, *(f"{database}_{shard}" for shard in range(SHARDS))):
        client.command(f"CREATE DATABASE {name}")
    for migration in load("ethereum"):
        for statement in render(migration.sql, target):
            plain = statement.replace(f" ON CLUSTER '{CLUSTER}'", "").replace(f"ON CLUSTER '{CLUSTER}'", "")
            if found := _DISTRIBUTED.match(plain):
                _distributed(client, database, found["table"], found["by"])
            elif "REFRESH EVERY" in plain:
                # Each host would refresh; here one does, which reads every shard and writes through a router.
                into = f" APPEND TO {database}"
                client.command(plain.replace(f"{into}.", f"{into}_0."))
            elif plain.startswith(("CREATE TABLE", "CREATE MATERIALIZED VIEW", "DROP VIEW", "TRUNCATE")):
                sharded.command(statement if "ON CLUSTER" in statement else f"{statement} ON CLUSTER")
            elif plain.startswith("INSERT"):
                sharded.command(plain)
            else:
                client.command(plain)
    return sharded


def _distributed(client: Client, database: str, table: str, by: str) -> None:
    shards = [f"{database}_{shard}" for shard in range(SHARDS)]
    client.command(
        f"CREATE TABLE {database}.{table} AS {shards[0]}.{table}_local "
        f"ENGINE = Merge(REGEXP('^({'|'.join(shards)})$'), '^{table}_local$')"
    )
    # Every shard has the Distributed table: its own views write to it.
    for shard in shards:
        client.command(f"CREATE TABLE {shard}.{table} AS {shards[0]}.{table}_local ENGINE = Null")
        for number, other in enumerate(shards):
            client.command(
                f"CREATE MATERIALIZED VIEW {shard}.{table}_to_{number} TO {other}.{table}_local "
                f"AS SELECT * FROM {shard}.{table} WHERE {by} % {SHARDS} = {number}"
            )


def _on_shard(statement: str, database: str, shard: int) -> str:
    text = re.sub(r" ?ON CLUSTER '\w+'", "", statement)
    text = re.sub(r"ReplicatedReplacingMergeTree\('[^']*', '[^']*', (\w+)\)", r"ReplacingMergeTree(\1)", text)
    text = re.sub(r"ReplicatedMergeTree\('[^']*', '[^']*'\)", "MergeTree", text)
    return re.sub(rf"\b{database}\.", f"{database}_{shard}.", text)
