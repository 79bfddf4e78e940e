"""The small template language of the migrations: one DDL source for one server and for a cluster.

{{db}}                    the database of the tables
{{on_cluster}}            ON CLUSTER 'name', or nothing
{{table:NAME}}            the table that holds rows on a node
{{engine:NAME:VERSION}}   its ReplacingMergeTree, replicated where there is a cluster
{{merge_tree:NAME}}       its MergeTree, replicated where there is a cluster
{{chain_id}} {{etl_db}}   in per-chain migrations only
-- shard NAME by EXPR     makes the Distributed table NAME over NAME_local where there is a cluster
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headwater.errors import Fatal

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)(?::([a-z_]+))?(?::([a-z_]+))?\}\}")
_DEFINE = re.compile(r"/\* define ([a-z_]+):(.*?)\*/", re.DOTALL)
_SHARD = re.compile(r"^-- shard ([a-z_]+) by (.+)$", re.MULTILINE)
_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|--[^\n]*|;", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a migration is rendered for. `cluster` is empty on one server."""

    database: str
    cluster: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse names that would need quoting: they go into identifiers and Keeper paths."""
        for name in filter(None, (self.database, self.cluster, self.values.get("etl_db"))):
            if not _IDENTIFIER.match(name):
                raise Fatal(
                    f"{name!r} cannot name a ClickHouse database or cluster here",
                    remedy="use letters, digits and underscores, not beginning with a digit",
                )


def view_database(name: str, database: str) -> str:
    """The database of views `name` over the tables of `database`; those of the usual one have plain names."""
    return name if database == "headwater" else f"{database}_{name}"


def render(sql: str, target: Target) -> list[str]:
    """Return the statements of one migration file for `target`, in order."""

    def distributed(found: re.Match[str]) -> str:
        table, expression = found.groups()
        if not target.cluster:
            return ""
        return (
            f"CREATE TABLE IF NOT EXISTS {target.database}.{table} ON CLUSTER '{target.cluster}' "
            f"AS {target.database}.{table}_local "
            f"ENGINE = Distributed('{target.cluster}', '{target.database}', '{table}_local', {expression});"
        )

    def value(found: re.Match[str]) -> str:
        kind, name, version = found.groups()
        if kind == "db":
            return target.database
        if kind in ("canonical_db", "finalized_db"):
            return view_database(kind.removesuffix("_db"), target.database)
        if kind == "on_cluster":
            return f"ON CLUSTER '{target.cluster}'" if target.cluster else ""
        if kind == "table" and name:
            return f"{target.database}.{name}_local" if target.cluster else f"{target.database}.{name}"
        if kind == "engine" and name and version:
            if not target.cluster:
                return f"ReplacingMergeTree({version})"
            return f"ReplicatedReplacingMergeTree({_replica(target, name)}, {version})"
        if kind == "merge_tree" and name:
            return f"ReplicatedMergeTree({_replica(target, name)})" if target.cluster else "MergeTree"
        if kind in target.values:
            return target.values[kind]
        raise Fatal(
            f"unknown placeholder {found.group()} in a migration",
            remedy="see connectors.clickhouse.migrations.template",
        )

    # Last one first, since a definition may use those before it.
    for name, text in reversed(_DEFINE.findall(sql)):
        sql = sql.replace("{{" + name + "}}", text.strip())
    sql = _DEFINE.sub("", sql)
    return list(statements(_PLACEHOLDER.sub(value, _SHARD.sub(distributed, sql))))


def _replica(target: Target, table: str) -> str:
    return f"'/clickhouse/tables/{{shard}}/{target.database}/{table}_local', '{{replica}}'"


def statements(sql: str) -> Iterator[str]:
    """Split a script at its semicolons; those in strings and comments do not count."""
    start, kept = 0, ""
    for token in _TOKEN.finditer(sql):
        text = token.group()
        if text == ";":
            statement = (kept + sql[start : token.start()]).strip()
            if statement:
                yield statement
            start, kept = token.end(), ""
        elif text.startswith("--"):
            kept += sql[start : token.start()]
            start = token.end()
    last = (kept + sql[start:]).strip()
    if last:
        yield last
