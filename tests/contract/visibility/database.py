"""A database of the package's ClickHouse."""

from __future__ import annotations

from headwater.settings import Settings, load_settings
from tests.contract.clickhouse_process import ClickHouseProcess


def settings_for(server: ClickHouseProcess, database: str) -> Settings:
    return load_settings(
        {"clickhouse": {**server.settings, "database": database}, "chain": {"name": "ethereum"}}, environ={}
    )
