"""`headwater doctor` on the real stack: what is missing, what is broken on purpose, and when all is well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

from typer.testing import CliRunner

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.template import view_database
from headwater.cli import build
from headwater.settings import Settings
from sandbox.services.anvil import CHAIN_ID
from sandbox.stack.prepare import migrate_tables
from schemas.registry import register_all
from topics.admin import apply
from topics.catalog import topic_name
from topics.cluster import KafkaCluster


def environment(settings: Settings, rpc_url: str) -> dict[str, str]:
    return {
        "HEADWATER_TOPIC_PREFIX": settings.topic_prefix,
        "HEADWATER_DATA_DIR": str(settings.data_dir),
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "HEADWATER_REGISTRY__URL": settings.registry.url,
        "HEADWATER_CLICKHOUSE__URL": settings.clickhouse.url,
        "HEADWATER_CLICKHOUSE__USERNAME": settings.clickhouse.username,
        "HEADWATER_CLICKHOUSE__PASSWORD": settings.clickhouse.password.get_secret_value(),
        "HEADWATER_CLICKHOUSE__DATABASE": settings.clickhouse.database,
        "HEADWATER_CHAIN__RPC": rpc_url,
    }


def run(words: list[str], variables: Mapping[str, str]) -> Any:
    return CliRunner().invoke(build(words), words, env=dict(variables))


def found(variables: Mapping[str, str]) -> tuple[int, dict[str, list[str]]]:
    """The exit code, and area → what is wrong or could not be asked there."""
    done = run(["doctor", "--json"], variables)
    findings = json.loads(done.stdout)["findings"]
    bad: dict[str, list[str]] = {}
    for each in findings:
        if each["verdict"] in ("wrong", "unknown"):
            # How full this machine's disks are is not the test's.
            if each["area"] != "disk":
                bad.setdefault(each["area"], []).append(each["what"])
            assert each["do"], each
    return done.exit_code, bad


def test_what_is_missing_or_broken_is_found_and_nothing_else(settings: Settings, rpc_url: str) -> None:
    variables = environment(settings, rpc_url)
    code, bad = found(variables)
    assert code == 1
    assert set(bad) == {"topics", "schemas", "tables"}

    # As two pods do that are started together: neither may harm what the other makes.
    with ThreadPoolExecutor(2) as pool:
        for step in (apply, register_all, partial(migrate_tables, chain_id=CHAIN_ID)):
            assert len(list(pool.map(step, [settings, settings]))) == 2
    _, bad = found(variables)
    assert bad == {}

    views = view_database("canonical", settings.clickhouse.database)
    with closing(connect(settings.clickhouse, database="")) as client:
        client.command(f"DROP VIEW {views}.logs")
        code, bad = found(variables)
        assert code == 1
        assert bad == {
            "tables": [f"ClickHouse has not {views}.logs, though the migration was applied that made it"]
        }
        client.command(f"CREATE VIEW {views}.logs AS SELECT 1")

    logs = topic_name(settings, "logs")
    KafkaCluster(settings).alter(logs, {"retention.ms": "1000"})
    code, bad = found(variables)
    assert code == 1
    assert bad == {"topics": [f"{logs}: retention.ms 1000 → 2592000000"]}
    # Services that are away are said, and the others are examined all the same.
    gone = {"HEADWATER_REGISTRY__URL": "http://127.0.0.1:9", "HEADWATER_CHAIN__RPC": "http://127.0.0.1:9"}
    code, bad = found(variables | gone)
    assert code == 1
    assert set(bad) == {"topics", "schemas", "node"}
