"""Forward-only migrations: ordered SQL files, each applied once and then never changed.

Every statement is of an idempotent form (IF NOT EXISTS, OR REPLACE; a test holds the files to it), so
that two processes migrating at once, or one killed in the middle and started again, end the same.
What a newer version applied stays, and an older one has nothing to do there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.migrations import objects, standing
from connectors.clickhouse.migrations.files import Migration, load
from connectors.clickhouse.migrations.standing import Applied
from connectors.clickhouse.migrations.template import Target, render, view_database
from headwater.errors import Fatal
from headwater.settings import Settings

_MIGRATIONS: Final = """
CREATE TABLE IF NOT EXISTS {{table:schema_migrations}} {{on_cluster}}
(
    version UInt32,
    scope String,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:schema_migrations:applied_at}}
ORDER BY (scope, version);
-- shard schema_migrations by 1

CREATE TABLE IF NOT EXISTS {{table:etl_databases}} {{on_cluster}}
(
    chain_id UInt64,
    chain String,
    name String,
    assigned_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:etl_databases:assigned_at}}
ORDER BY (name, chain_id);
-- shard etl_databases by 1

CREATE TABLE IF NOT EXISTS {{table:schema_contracts}} {{on_cluster}}
(
    version UInt32,
    scope String,
    oldest UInt32,
    marked_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:schema_contracts:marked_at}}
ORDER BY (scope, version);
-- shard schema_contracts by 1
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that is due, rendered for its target."""

    migration: Migration
    statements: Sequence[str]


def due(carried: Sequence[Migration], applied: Mapping[tuple[str, int], Applied]) -> tuple[Migration, ...]:
    """The carried migrations that are not in `applied`, (scope, version) → migration.

    What a newer version applied is no reason to stop. Raises Fatal when an applied one has changed since.
    """
    for migration in carried:
        there = applied.get((migration.scope, migration.version))
        if there is not None and there.checksum != migration.checksum:
            raise Fatal(
                f"migration {migration.version:04} {migration.name} was applied with other content",
                remedy="restore the file as it was released and put the change into a new migration",
            )
    return tuple(m for m in carried if (m.scope, m.version) not in applied)


def plan(client: Client, settings: Settings, chain_id: int | None) -> tuple[Step, ...]:
    """What `migrate` would run. `chain_id` None leaves the per-chain views out.

    Raises Fatal where a newer version took away what this one uses.
    """
    target = _target(settings)
    carried = load(settings.chain.name if chain_id is not None else None)
    there = standing.applied(client, target.database)
    standing.require_usable(client, target.database, settings.chain.name)
    named = standing.exists(client, target.database, "etl_databases")
    taken = _etl_databases(client, target.database) if named else []
    return tuple(
        _step(migration, target, settings.chain.name, chain_id, taken) for migration in due(carried, there)
    )


def lacking(client: Client, settings: Settings, chain_id: int | None) -> list[str]:
    """Tables and views that are not there though the migrations that make them were applied."""
    target = _target(settings)
    taken = _etl_databases(client, target.database)
    steps = [
        _step(migration, target, settings.chain.name, chain_id, taken)
        for migration in load(settings.chain.name if chain_id is not None else None)
    ]
    return objects.lacking(client, objects.left_by(each for step in steps for each in step.statements))


def _step(
    migration: Migration, target: Target, chain: str, chain_id: int | None, taken: Sequence[tuple[str, int]]
) -> Step:
    values: dict[str, str] = {}
    if migration.scope and chain_id is not None:
        name = etl_database(chain, chain_id, taken)
        values = {"chain_id": str(chain_id), "etl_db": view_database(name, target.database)}
    return Step(migration, render(migration.sql, Target(target.database, target.cluster, values)))


def migrate(client: Client, settings: Settings, chain_id: int | None) -> tuple[Step, ...]:
    """Apply what is due and return it. Safe to run twice and from several processes at once."""
    target = _target(settings)
    on_cluster = f" ON CLUSTER '{target.cluster}'" if target.cluster else ""
    client.command(f"CREATE DATABASE IF NOT EXISTS {target.database}{on_cluster}")
    for statement in render(_MIGRATIONS, target):
        client.command(statement)
    if chain_id is not None:
        _assign_etl_database(client, target.database, settings.chain.name, chain_id)
    steps = plan(client, settings, chain_id)
    for step in steps:
        done = step.migration
        if done.oldest:
            client.insert(
                standing.MARKS,
                [[done.version, done.scope, done.oldest]],
                column_names=["version", "scope", "oldest"],
                database=target.database,
                settings=insert_settings(client),
            )
        for statement in step.statements:
            client.command(statement, settings=_settings(client, statement))
        client.insert(
            "schema_migrations",
            [[done.version, done.scope, done.name, done.checksum]],
            column_names=["version", "scope", "name", "checksum"],
            database=target.database,
            settings=insert_settings(client),
        )
    return steps


def newer(client: Client, settings: Settings) -> tuple[str, ...]:
    """What a newer version of Headwater applied, which this one does not carry, by number and name."""
    carried = [(each.scope, each.version) for each in load(settings.chain.name)]
    found = standing.newer(carried, standing.applied(client, settings.clickhouse.database))
    return tuple(f"{version:04} {name}" for version, name in found)


def _settings(client: Client, statement: str) -> Mapping[str, int | str] | None:
    """What is moved into a Distributed table is there when a file counts as applied."""
    return insert_settings(client) if statement.startswith("INSERT") else None


def etl_database(chain: str, chain_id: int, taken: Sequence[tuple[str, int]]) -> str:
    """`ethereum_etl` for a deployment's first chain, `ethereum_etl_<chain>` for the others.

    `taken` holds (database, chain id) in the order in which they were assigned: the first one counts.
    """
    first = next((owner for name, owner in taken if name == "ethereum_etl"), chain_id)
    return "ethereum_etl" if first == chain_id else "ethereum_etl_" + re.sub(r"\W", "_", chain)


def _assign_etl_database(client: Client, database: str, chain: str, chain_id: int) -> None:
    taken = _etl_databases(client, database)
    name = etl_database(chain, chain_id, taken)
    if (name, chain_id) not in taken:
        client.insert(
            "etl_databases",
            [[chain_id, chain, name]],
            column_names=["chain_id", "chain", "name"],
            database=database,
            settings=insert_settings(client),
        )


def _etl_databases(client: Client, database: str) -> list[tuple[str, int]]:
    rows = client.query(f"SELECT name, chain_id FROM {database}.etl_databases ORDER BY assigned_at, chain_id")
    return [(str(name), int(cast(int, chain_id))) for name, chain_id in rows.result_rows]


def _target(settings: Settings) -> Target:
    return Target(settings.clickhouse.database, settings.clickhouse.cluster or "")
