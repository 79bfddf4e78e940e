"""What migrations leave behind is read off their statements."""

from __future__ import annotations

from connectors.clickhouse.migrations.files import load
from connectors.clickhouse.migrations.objects import left_by
from connectors.clickhouse.migrations.template import Target, render


def test_what_is_made_and_not_dropped_again_is_left() -> None:
    assert left_by(
        [
            "CREATE DATABASE IF NOT EXISTS a",
            "CREATE TABLE IF NOT EXISTS a.one\n(x UInt8) ENGINE = MergeTree",
            "CREATE OR REPLACE VIEW b.two AS SELECT 1",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS a.three REFRESH EVERY 1 HOUR TO a.one AS SELECT 1",
            "CREATE TABLE IF NOT EXISTS a.gone ON CLUSTER 'c' AS a.one",
            "INSERT INTO a.one SELECT 1",
            "DROP VIEW IF EXISTS a.gone",
        ]
    ) == {("a", "one"), ("b", "two"), ("a", "three")}


def test_no_statement_of_the_migrations_is_overlooked() -> None:
    target = Target("headwater", "", {"chain_id": "1", "etl_db": "ethereum_etl"})
    for migration in load("ethereum"):
        for statement in render(migration.sql, target):
            if statement.startswith("CREATE") and not statement.startswith("CREATE DATABASE"):
                assert len(left_by([statement])) == 1, statement[:80]
