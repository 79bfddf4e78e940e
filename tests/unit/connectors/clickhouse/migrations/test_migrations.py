"""Migrations as text: the dialect, their order, that they can be repeated, and that they fit the schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.clickhouse.migrations.files import Migration, load
from connectors.clickhouse.migrations.runner import due, etl_database, migrate
from connectors.clickhouse.migrations.standing import Applied
from connectors.clickhouse.migrations.template import Target, render, statements, view_database
from connectors.clickhouse.sink.routes import LEFT_OUT
from connectors.clickhouse.visibility.moving.attempts import TABLES as MOVED_TABLES
from headwater.errors import Fatal
from headwater.settings import load_settings
from tests.builders.numbers import NESTED_NUMBERS, NUMBERS
from tests.paths import ROOT

SETTLED = {f"settled_{table}" for table in MOVED_TABLES}
AVRO = ROOT / "schemas" / "avro"
ONE = Target("headwater", "", {"chain_id": "1", "etl_db": "ethereum_etl"})
CLUSTER = Target("headwater", "main", {"chain_id": "1", "etl_db": "ethereum_etl"})


def rendered(target: Target) -> list[str]:
    return [statement for migration in load("ethereum") for statement in render(migration.sql, target)]


def test_versions_are_gap_free_and_per_chain_ones_need_a_chain() -> None:
    versions = [m.version for m in load("ethereum")]
    assert versions == list(range(1, len(versions) + 1))
    assert versions == sorted(set(versions))
    assert all(m.scope == "" for m in load(None))
    assert {m.name for m in load("ethereum") if m.scope} == {"ethereum_etl_views"}


def test_every_statement_can_be_repeated() -> None:
    repeatable = re.compile(
        r"CREATE (OR REPLACE VIEW|(TABLE|DATABASE|MATERIALIZED VIEW) IF NOT EXISTS) |ALTER TABLE .* IF "
        # Rows that are there replace themselves; a table that something may still read is never dropped.
        r"|INSERT INTO \S+ \([a-z_, ]+\)\s+SELECT |DROP VIEW IF EXISTS |TRUNCATE TABLE IF EXISTS "
    )
    assert [s[:60] for s in rendered(ONE) if not repeatable.match(s)] == []


def test_one_source_serves_a_cluster() -> None:
    one, cluster = "\n".join(rendered(ONE)), "\n".join(rendered(CLUSTER))
    assert "ON CLUSTER" not in one
    assert "_local" not in one
    tables = re.findall(r"CREATE TABLE IF NOT EXISTS headwater\.(\w+)", one)
    for table in tables:
        assert f"CREATE TABLE IF NOT EXISTS headwater.{table}_local ON CLUSTER 'main'" in cluster
        path = f"'/clickhouse/tables/{{shard}}/headwater/{table}_local', '{{replica}}'"
        kind = "ReplicatedMergeTree" if table in SETTLED else "ReplicatedReplacingMergeTree"
        assert f"{kind}({path}" in cluster
        assert (
            f"CREATE TABLE IF NOT EXISTS headwater.{table} ON CLUSTER 'main' AS headwater.{table}_local"
            in cluster
        )
    # An INSERT runs once, on the node that is asked.
    assert all("ON CLUSTER" in each for each in rendered(CLUSTER) if not each.startswith("INSERT"))


def test_views_that_move_rows_to_another_shard_write_to_the_distributed_table() -> None:
    """Where a row is written by its shard's view, it is folded with those that came there only."""
    statements = rendered(CLUSTER)
    sharded = {}
    for statement in statements:
        if found := re.match(
            r"CREATE TABLE IF NOT EXISTS headwater\.(\w+) .* ENGINE = Distributed\(", statement
        ):
            sharded[found[1]] = statement.split(f"'{found[1]}_local', ")[1].rstrip(")") + ")"
    dropped = {each.split()[4].split(".")[1] for each in statements if each.startswith("DROP VIEW")}
    moves = {}
    for statement in statements:
        found = re.match(
            r"CREATE MATERIALIZED VIEW IF NOT EXISTS headwater\.(\w+) .*\nTO headwater\.(\w+) ", statement
        )
        if found and found[1] not in dropped:
            source = re.findall(r"FROM headwater\.(\w+)_local", statement)
            moves[found[1]] = (source, found[2])
    assert len(moves) == 11
    for view, ((source,), target) in moves.items():
        if target.endswith("_local"):
            assert sharded[source] == sharded[target.removesuffix("_local")], view
    assert moves["blocks_to_unsettled"] == (["blocks"], "coverage_unsettled")
    assert moves["transaction_states_to_finalized_blocks"] == (["transaction_states"], "finalized_blocks")


class Recorded:
    """A server that has nothing yet, and remembers what it is told to do and by which settings."""

    def __init__(self) -> None:
        self.inserts: list[tuple[str, Mapping[str, object]]] = []

    def command(self, cmd: str, settings: Mapping[str, object] | None = None) -> None:
        if "INSERT INTO" in cmd:
            self.inserts.append((cmd, settings or {}))

    def insert(self, table: str, data: object, *, settings: Mapping[str, object], **_: object) -> None:
        self.inserts.append((table, settings))

    def query(self, query: str, parameters: object = None) -> Any:
        return SimpleNamespace(result_rows=[[0]] if "system.tables" in query else [])


def test_what_a_migration_moves_is_acknowledged_by_its_shards() -> None:
    """By default an INSERT into a Distributed table returns before any shard has a row."""
    client = Recorded()
    settings = load_settings({"clickhouse": {"cluster": "c"}}, environ={})
    assert migrate(client, settings, 1)  # type: ignore[arg-type]
    assert {"etl_databases", "schema_migrations"} < {table for table, _ in client.inserts}
    assert any("INSERT INTO headwater.coverage_unsettled" in text for text, _ in client.inserts)
    for text, by in client.inserts:
        assert by.get("distributed_foreground_insert") == 1, text


def test_statements_are_split_at_semicolons_only() -> None:
    assert list(statements("SELECT ';--' -- a; b\n; SELECT `;` ;\n-- end;\n")) == [
        "SELECT ';--'",
        "SELECT `;`",
    ]


@pytest.mark.parametrize("name", ["head-water", "1a", "a b", "a'"])
def test_names_that_need_quoting_are_refused(name: str) -> None:
    with pytest.raises(Fatal, match="letters"):
        Target(name)


def test_an_unknown_placeholder_is_refused() -> None:
    with pytest.raises(Fatal, match="nonsense"):
        render("SELECT {{nonsense}}", ONE)


def migration(version: int, checksum: str = "x") -> Migration:
    return Migration(version, "name", "", checksum, "")


def test_what_is_due() -> None:
    carried = [migration(1), migration(2)]
    same, other = Applied("name", "x"), Applied("name", "y")
    assert due(carried, {}) == tuple(carried)
    assert due(carried, {("", 1): same}) == (carried[1],)
    with pytest.raises(Fatal, match="other content"):
        due(carried, {("", 1): other})
    assert due(carried, {("", 1): same, ("", 2): same, ("other-chain", 9): other}) == ()


def test_nothing_is_due_where_a_newer_version_has_migrated() -> None:
    every = {(each.scope, each.version): Applied(each.name, each.checksum) for each in load("ethereum")}
    assert due(load("ethereum")[:-1], every) == ()


def test_databases_of_views() -> None:
    assert etl_database("ethereum", 1, []) == "ethereum_etl"
    assert etl_database("ethereum", 1, [("ethereum_etl", 1)]) == "ethereum_etl"
    assert etl_database("evm-5", 5, [("ethereum_etl", 1)]) == "ethereum_etl_evm_5"
    assert etl_database("evm-5", 5, [("ethereum_etl", 1), ("ethereum_etl", 5)]) == "ethereum_etl_evm_5"
    assert view_database("canonical", "headwater") == "canonical"
    assert view_database("canonical", "other") == "other_canonical"


SCALARS = {
    "boolean": "Bool",
    "double": "Float64",
    "bytes": "String",
    "timestamp-millis": "DateTime64(3, 'UTC')",
    "Hash32": "FixedString(32)",
    "Address20": "FixedString(20)",
    "EventId16": "FixedString(16)",
    "AlertId16": "FixedString(16)",
}
TABLES = {
    "blocks": "blocks",
    "transactions": "transactions",
    "logs": "logs",
    "token-transfers": "token_transfers",
    "contracts": "contracts",
    "transaction-states": "transaction_states",
    "chain-stats": "chain_stats",
    "token-stats": "token_stats",
    "contract-stats": "contract_stats",
    "incomplete-windows": "incomplete_windows",
    "coverage": "coverage",
    "heads": "heads",
    "repairs": "repairs",
    "alerts": "alerts",
    "tokens": "tokens",
}


def columns(table: str) -> dict[str, str]:
    create = next(s for s in rendered(ONE) if s.startswith(f"CREATE TABLE IF NOT EXISTS headwater.{table} "))
    found = {}
    for line in create.splitlines():
        match = re.match(r"    `?([a-z0-9_]+)`? (.+?),?$", line)
        if match and match[1] != "INDEX":
            found[match[1]] = re.sub(r" CODEC\(.*$", "", match[2])
    return found


def column(field: str, schema: object, *, nested: bool = False) -> str:
    """The ClickHouse type of an Avro type."""
    if isinstance(schema, list):
        (inner,) = [branch for branch in schema if branch != "null"]
        kind = column(field, inner, nested=nested)
        if kind.startswith("Array"):
            return kind
        return (
            kind.replace("LowCardinality(String)", "LowCardinality(Nullable(String))")
            if "LowCard" in kind
            else f"Nullable({kind})"
        )
    if isinstance(schema, dict):
        kind = schema.get("logicalType", schema["type"])
        if kind == "array":
            return f"Array({column(field, schema['items'], nested=True)})"
        if kind == "map":
            return f"Map(String, {column(field, schema['values'], nested=True)})"
        if kind == "record":
            fields = ", ".join(
                f"{f['name']} {column(f['name'], f['type'], nested=True)}" for f in schema["fields"]
            )
            return f"Tuple({fields})"
        if kind == "fixed":
            return SCALARS[schema["name"]]
        if kind == "enum":
            return "LowCardinality(String)"
        return column(field, kind, nested=nested) if kind not in SCALARS else SCALARS[kind]
    if schema == "string":
        numeric = field in (NESTED_NUMBERS if nested else NUMBERS)
        return "UInt256" if numeric else "String"
    if schema == "long":
        return "UInt64"
    if schema == "int":
        return "UInt8" if field in ("y_parity", "receipt_status", "decimals") else "UInt32"
    if schema == "TransactionLifeState":
        return "LowCardinality(String)"
    return SCALARS[str(schema)]


@pytest.mark.parametrize(("stream", "table"), TABLES.items())
def test_columns_are_the_fields_of_the_schema(stream: str, table: str) -> None:
    schema = json.loads((AVRO / f"{stream}.avsc").read_text())
    found = columns(table)
    expected = {
        field["name"]: column(field["name"], field["type"])
        for field in schema["fields"]
        if (stream, field["name"]) not in LEFT_OUT
    }
    assert list(expected) == [name for name in found if name in expected]
    assert {name: found[name] for name in expected} == expected
    extra = {name: kind for name, kind in found.items() if name not in expected}
    assert all(re.search(r"ALIAS|DEFAULT|MATERIALIZED", kind) for kind in extra.values()), extra


def test_state_changes_have_the_columns_of_states() -> None:
    assert columns("transaction_state_changes") == columns("transaction_states")


def test_rows_move_from_every_table_that_has_a_twin_and_from_no_other() -> None:
    tables = set(re.findall(r"CREATE TABLE IF NOT EXISTS headwater\.(\w+)", "\n".join(rendered(ONE))))
    assert {each for each in tables if each.removeprefix("settled_") in tables - {each}} == SETTLED


@pytest.mark.parametrize("table", sorted(SETTLED))
def test_settled_rows_have_the_columns_of_the_table_that_they_leave(table: str) -> None:
    left = {
        name: kind for name, kind in columns(table.removeprefix("settled_")).items() if "ALIAS" not in kind
    }
    assert list(columns(table).items()) == [each for each in left.items() if each[0] != "removed"]


def test_row_identity_ends_the_order_and_partitions_never_split_it() -> None:
    for statement in rendered(ONE):
        if "ENGINE = ReplacingMergeTree(sequence)" not in statement or "block_hash" not in statement:
            continue
        order = re.search(r"ORDER BY \(?([^)\n]*)\)?", statement)
        partition = re.search(r"PARTITION BY (.+)", statement)
        assert order is not None, statement
        keys = [key.strip() for key in order[1].split(",")]
        table = statement.splitlines()[0]
        if "window_start" in statement:
            assert keys[-2:] == ["window_seconds", "window_start"], statement
        # Of retractions each is a row; heads have no blocks.
        elif "retractions_unsettled" in table:
            assert keys[-2:] == ["block_hash", "sequence"], statement
        elif "heads" not in table:
            assert keys[-1] == "block_hash", statement
        if partition is not None:
            split_by = set(re.findall(r"(?<![\w'])[a-z_]+(?![\w(])", partition[1]))
            assert split_by <= {*keys}, statement
