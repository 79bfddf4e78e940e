"""The files: `0001_tables.sql` and on, each with what the comment at its beginning says of it.

-- scope: chain     (first line) applied once a chain, for what is that chain's alone
-- contract: 0016   takes something away: only versions with migration 0016 may run on the tables from here on
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

FOLDER: Final = "connectors.clickhouse.migrations"
_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")
_PER_CHAIN: Final = "-- scope: chain"
_CONTRACT: Final = re.compile(r"-- contract: (\d{4})\Z")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `scope` is empty for all chains, else the chain's name; `checksum` is the file's SHA-256.

    `oldest`: the migration that a version must carry to run on the tables afterwards; 0: any version may.
    """

    version: int
    name: str
    scope: str
    checksum: str
    sql: str
    oldest: int = 0


def load(chain: str | None) -> tuple[Migration, ...]:
    """The migrations that this version carries, in order; per-chain ones when `chain` is given."""
    found = []
    for file in resources.files(FOLDER).iterdir():
        match = _FILE.match(file.name)
        if match is None:
            continue
        sql = file.read_text(encoding="utf-8")
        per_chain = sql.startswith(_PER_CHAIN)
        if per_chain and chain is None:
            continue
        found.append(parsed(int(match[1]), match[2], (chain or "") if per_chain else "", sql))
    return tuple(sorted(found, key=lambda migration: migration.version))


def parsed(version: int, name: str, scope: str, sql: str) -> Migration:
    """A migration of its text."""
    return Migration(version, name, scope, hashlib.sha256(sql.encode()).hexdigest(), sql, _oldest(sql))


def _oldest(sql: str) -> int:
    """What the comment at the beginning says; one further down is about a statement."""
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        if mark := _CONTRACT.match(line):
            return int(mark[1])
    return 0
