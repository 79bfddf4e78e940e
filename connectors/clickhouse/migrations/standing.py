"""How a database stands to a version of Headwater: what was applied to it, and whether this may run on it.

Changes are additive: an older version runs on the tables of a newer one, and no way back needs a migration.
A file that takes something away says which versions may still run on the tables (`-- contract: 0016`: those
that have migration 0016 or a newer one). An older version does not have that file, so its mark is a row of
`schema_contracts`, written before the first of its statements: one killed between two has contracted already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.files import load
from headwater.errors import Fatal

MARKS: Final = "schema_contracts"


@dataclass(frozen=True, slots=True)
class Applied:
    """One migration that was applied, as the database has it."""

    name: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A migration that took something away, and the oldest migration that a version must carry since."""

    version: int
    oldest: int


def applied(client: Client, database: str) -> dict[tuple[str, int], Applied]:
    """(scope, version) → migration; nothing where none was applied yet."""
    if not exists(client, database, "schema_migrations"):
        return {}
    rows = client.query(f"SELECT scope, version, name, checksum FROM {database}.schema_migrations FINAL")
    return {(str(s), int(cast(int, v))): Applied(str(n), str(c)) for s, v, n, c in rows.result_rows}


def marks(client: Client, database: str, scopes: Sequence[str]) -> list[Mark]:
    """The marks on all tables (scope "") or on a chain's."""
    if not exists(client, database, MARKS):
        return []
    rows = client.query(f"SELECT scope, version, oldest FROM {database}.{MARKS} FINAL")
    return [
        Mark(int(cast(int, version)), int(cast(int, oldest)))
        for scope, version, oldest in rows.result_rows
        if scope in scopes
    ]


def refuse_contracted(newest: int, found: Sequence[Mark]) -> None:
    """Raises Fatal where the tables lost something that a version whose last migration is `newest` uses."""
    for mark in sorted(found, key=lambda each: -each.oldest):
        if newest < mark.oldest:
            raise Fatal(
                f"migration {mark.version:04} took away what this version of Headwater uses: the tables are "
                f"for versions that have migration {mark.oldest:04}, and the last one here is {newest:04}",
                remedy="run a newer version, or restore a backup of ClickHouse from before that migration",
            )


def require_usable(client: Client, database: str, chain: str) -> None:
    """For whoever is about to write to tables that it has not migrated itself. Raises Fatal."""
    refuse_contracted(load(chain)[-1].version, marks(client, database, ("", chain)))


def newer(
    carried: Sequence[tuple[str, int]], found: Mapping[tuple[str, int], Applied]
) -> tuple[tuple[int, str], ...]:
    """(version, name) of what was applied to all tables or these chains' and is not carried, in order."""
    scopes = {"", *(scope for scope, _ in carried)}
    unknown = [key for key in found if key[0] in scopes and key not in set(carried)]
    return tuple(sorted((version, found[scope, version].name) for scope, version in unknown))


def exists(client: Client, database: str, table: str) -> bool:
    """Is there a table of that name?"""
    found = client.query(
        "SELECT name FROM system.tables WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": database, "name": table},
    )
    return bool(found.result_rows)
