"""Forward-only migrations: ordered SQL files, each applied once and then never changed.

Every statement is of an idempotent form (IF NOT EXISTS, OR REPLACE; a test holds the files to it), so
that two processes migrating at once, or one killed in the middle and started again, end the same.
A file whose first line is `-- scope: chain` is applied once a chain; it makes that chain's views.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, cast

from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.migrations import objects
from connectors.clickhouse.migrations.template import Target, render, view_database
from headwater.errors import Fatal
from headwater.settings import Settings

_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")
_PER_CHAIN: Final = "-- scope: chain"

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
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `scope` is empty for all chains, else the chain's name; `checksum` is the file's SHA-256."""

    version: int
    name: str
    scope: str
    checksum: str
    sql: str


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that is due, rendered for its target."""

    migration: Migration
    statements: Sequence[str]


def load(chain: str | None) -> tuple[Migration, ...]:
    """The migrations that this version carries, in order; per-chain ones when `chain` is given."""
    found = []
    for file in resources.files("connectors.clickhouse.migrations").iterdir():
        match = _FILE.match(file.name)
        if match is None:
            continue
        sql = file.read_text(encoding="utf-8")
        per_chain = sql.startswith(_PER_CHAIN)
        if per_chain and chain is None:
            continue
        scope = (chain or "") if per_chain else ""
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        found.append(Migration(int(match[1]), match[2], scope, checksum, sql))
    return tuple(sorted(found, key=lambda migration: migration.version))


def due(carried: Sequence[Migration], applied: Mapping[tuple[str, int], str]) -> tuple[Migration, ...]:
    """The carried migrations that are not in `applied`, (scope, version) → checksum.

    Raises Fatal when an applied one has changed since, or is not known to this version.
    """
    for migration in carried:
        checksum = applied.get((migration.scope, migration.version))
        if checksum not in (None, migration.checksum):
            raise Fatal(
                f"migration {migration.version:04} {migration.name} was applied with other content",
                remedy="restore the file as it was released and put the change into a new migration",
            )
    scopes = {"", *(migration.scope for migration in carried)}
    known = {(migration.scope, migration.version) for migration in carried}
    unknown = sorted(key for key in applied if key[0] in scopes and key not in known)
    if unknown:
        raise Fatal(
            f"the database has migration {unknown[-1][1]:04}, which this version of Headwater does not know",
            remedy="run the version that applied it, or a newer one",
        )
    return tuple(m for m in carried if (m.scope, m.version) not in applied)


def plan(client: Client, settings: Settings, chain_id: int | None) -> tuple[Step, ...]:
    """What `migrate` would run. `chain_id` None leaves the per-chain views out."""
    target = _target(settings)
    carried = load(settings.chain.name if chain_id is not None else None)
    if not _exists(client, target.database, "schema_migrations"):
        applied: dict[tuple[str, int], str] = {}
        taken: list[tuple[str, int]] = []
    else:
        rows = client.query(f"SELECT scope, version, checksum FROM {target.database}.schema_migrations FINAL")
        applied = {(str(s), int(cast(int, v))): str(c) for s, v, c in rows.result_rows}
        taken = _etl_databases(client, target.database)
    return tuple(
        _step(migration, target, settings.chain.name, chain_id, taken) for migration in due(carried, applied)
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
        for statement in step.statements:
            client.command(statement, settings=_settings(client, statement))
        done = step.migration
        client.insert(
            "schema_migrations",
            [[done.version, done.scope, done.name, done.checksum]],
            column_names=["version", "scope", "name", "checksum"],
            database=target.database,
            settings=insert_settings(client),
        )
    return steps


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


def _exists(client: Client, database: str, table: str) -> bool:
    found = client.query(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": database, "name": table},
    )
    return bool(found.result_rows[0][0])


def _target(settings: Settings) -> Target:
    return Target(settings.clickhouse.database, settings.clickhouse.cluster or "")
