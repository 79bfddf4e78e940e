"""The rights of docs/security.md are enough, and no more is: the engine itself refuses what they lack."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from connectors.clickhouse.migrations.runner import migrate, newer
from connectors.clickhouse.migrations.standing import require_usable
from connectors.clickhouse.sink.coverage.replicas import PROGRESS_COLUMNS, ReplicaProgress
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.memory import GAP_COLUMNS, TOPIC_COLUMNS, TopicMemory
from connectors.clickhouse.sink.recent import recent_rows
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater.settings import Settings, load_settings
from tests.builders.covered_chain import Chain
from tests.builders.settled_life import Life
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.paths import ROOT

pytestmark = pytest.mark.integration

GRANT = re.compile(r"^(GRANT .+) TO (hw_\w+);$", re.MULTILINE)
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
PARTITION = Partition("topic", 0)
Use = Callable[[Client, Settings], None]


def granted(user: str) -> list[str]:
    return [rights for rights, to in GRANT.findall(PAGE) if to == f"hw_{user}"]


def use(folder: Path, rights: list[str], work: Use) -> None:
    """Do something in an engine whose user has these rights and no others."""
    queries = "".join(f"<query>{each}</query>" for each in rights)
    (folder / "users.xml").write_text(
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>"
        "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
        f"<grants>{queries}</grants></default></users></clickhouse>"
    )
    (folder / "config.xml").write_text(
        f"<clickhouse><users_config>{folder}/users.xml</users_config><access_control_improvements>"
        "<select_from_system_db_requires_grant>1</select_from_system_db_requires_grant>"
        "</access_control_improvements></clickhouse>"
    )
    with ClickHouseProcess(Path(f"{folder}/data?config-file={folder}/config.xml")) as server:
        settings = load_settings(
            {"clickhouse": server.settings, "chain": {"name": "ethereum", "chain_id": 1}}, environ={}
        )
        client = server.client()
        work(client, settings)
        client.close()


def prepare(client: Client, settings: Settings) -> None:
    migrate(client, settings, 1)
    assert migrate(client, settings, 1) == ()


def refused(client: Client, statement: str) -> None:
    with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
        client.command(statement)


def write(client: Client, settings: Settings) -> None:
    """What the sink does: rows, their progress, settling and moving, with reverts and repairs between."""
    require_usable(client, "headwater", "ethereum")
    assert newer(client, settings) == ()
    raw = cast(RawClient, client)
    for route in ROUTES:
        assert client.query(f"SELECT count() FROM headwater.{route.table}").result_rows
    stored = open_table(raw, "headwater", "sink_progress", PROGRESS_COLUMNS)
    progress = ReplicaProgress(raw, "headwater", stored, ["topic"])
    progress.store({PARTITION: 3})
    assert progress.positions() == {PARTITION: 3}
    memory: Any = TopicMemory(
        raw,
        "headwater",
        open_table(raw, "headwater", "sink_gaps", GAP_COLUMNS),
        open_table(raw, "headwater", "sink_topics", TOPIC_COLUMNS),
        names=["topic"],
        cluster=None,
    )
    memory.forget(["topic"])
    assert recent_rows(raw, "headwater", {PARTITION: 3})
    life = Life(Chain(client, "headwater"), Random(3))
    for act in (life.grow, life.grow, life.fork, life.repair, life.settle, life.move, life.replay):
        for _ in range(5):
            act()
    for statement in (
        "ALTER TABLE headwater.logs ADD COLUMN x UInt8 DEFAULT 0",
        "DROP DATABASE canonical",
        "CREATE DATABASE other",
        "DROP VIEW canonical.blocks",
    ):
        refused(client, statement)


def ask(client: Client, settings: Settings) -> None:
    tables = client.query(
        "SELECT database, name FROM system.tables WHERE database IN "
        "('canonical', 'finalized', 'ethereum_etl')"
    ).result_rows
    assert len(tables) > 30
    for database, name in tables:
        client.query(f"SELECT * FROM {database}.`{name}` LIMIT 1")
    for statement in (
        "INSERT INTO headwater.heads (chain_id) VALUES (1)",
        "ALTER TABLE headwater.heads DELETE WHERE 1",
        "DROP TABLE headwater.heads",
        "CREATE TABLE headwater.x (x UInt8) ENGINE = MergeTree ORDER BY x",
    ):
        refused(client, statement)


def test_each_user_can_do_its_work_and_nothing_else(tmp_path: Path) -> None:
    use(tmp_path, granted("owner"), prepare)
    use(tmp_path, granted("writer"), write)
    use(tmp_path, granted("reader"), ask)
    # And the owner migrates again what others have used.
    use(tmp_path, granted("owner"), prepare)


def test_without_a_right_the_engine_refuses(tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
        use(tmp_path, [each for each in granted("owner") if "finalized" not in each], prepare)
