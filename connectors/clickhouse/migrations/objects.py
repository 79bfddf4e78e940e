"""Which tables and views are there once migrations are applied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from connectors.clickhouse.client import Client

_STATEMENT: Final = re.compile(
    r"(?P<verb>CREATE|DROP)(?: OR REPLACE)?(?: MATERIALIZED)? (?:TABLE|VIEW)(?: IF (?:NOT )?EXISTS)?"
    r" (?P<database>\w+)\.(?P<name>\w+)\b"
)


def left_by(statements: Iterable[str]) -> frozenset[tuple[str, str]]:
    """(database, name) of what these statements, in order, make and do not drop again."""
    left = set()
    for found in map(_STATEMENT.match, statements):
        if found is not None:
            each = found["database"], found["name"]
            left.add(each) if found["verb"] == "CREATE" else left.discard(each)
    return frozenset(left)


def lacking(client: Client, wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Those of `wanted` that the server has not, as `database.name`, sorted."""
    wanted = set(wanted)
    found = client.query(
        "SELECT database, name FROM system.tables WHERE database IN {databases:Array(String)}",
        parameters={"databases": sorted({database for database, _ in wanted})},
    )
    return sorted(f"{database}.{name}" for database, name in wanted - set(map(tuple, found.result_rows)))
