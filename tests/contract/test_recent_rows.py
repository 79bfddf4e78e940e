"""Which dead letters a sink that is started again counts, asked of ClickHouse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.recent import recent_rows
from connectors.clickhouse.sink.table import RawClient
from headwater.settings import load_settings
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration
COLUMNS = ["topic", "partition", "offset", "stage", "failed_at", "dead_letter_offset"]


def test_only_the_sinks_own_letters_of_the_window_count(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    letters = [
        ("x.logs.v1", 0, 15_000, "sink", now),
        ("x.logs.v1", 0, 15_000, "sink", now),  # Sent twice: one row.
        ("x.logs.v1", 0, 20_000, "sink", now),  # Its progress was not told any more.
        ("x.logs.v1", 1, 10, "sink", now),
        ("x.logs.v1", 0, 14_999, "sink", now),  # Before the window.
        ("x.logs.v1", 1, 11, "sink", now - timedelta(days=2)),
        ("x.logs.v1", 1, 12, "enrich", now),
        ("y.logs.v1", 1, 13, "sink", now),
        ("x.blocks.v1", 0, 3, "sink", now),
    ]
    with ClickHouseProcess(tmp_path / "clickhouse") as server:
        settings = load_settings({"clickhouse": {**server.settings, "database": "shop"}}, environ={})
        client = server.client()
        migrate(client, settings, 1)
        rows = [[*letter, place] for place, letter in enumerate(letters)]
        client.insert("dead_letters", rows, column_names=COLUMNS, database="shop")
        positions = {
            Partition("x.logs.v1", 0): 20_000,
            Partition("x.logs.v1", 1): 100,
            Partition("x.blocks.v1", 0): 8,
        }
        found = recent_rows(cast(RawClient, client), "shop", positions)
        client.close()
    assert found == {"x.logs.v1": (5_100, 3), "x.blocks.v1": (8, 1)}
