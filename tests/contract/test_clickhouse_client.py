"""The contract of a ClickHouse client on clickhouse-connect and the local server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import cast

import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.sink.table import RawClient
from headwater.settings import load_settings
from tests.contract.clickhouse_client import ClickHouseClientContract, Server
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration
_databases = count()


class RealServer:
    def __init__(self, process: ClickHouseProcess) -> None:
        self._process = process
        self._admin = process.client()
        self.database = f"contract_{next(_databases)}"
        self._admin.command(f"CREATE DATABASE {self.database}")

    def client(self) -> RawClient:
        given = {**self._process.settings, "database": self.database}
        settings = load_settings({"clickhouse": given}, environ={}).clickhouse
        return cast(RawClient, connect(settings))

    def create(self, table: str, **columns: str) -> None:
        named = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self._admin.command(
            f"CREATE TABLE {self.database}.{table} ({named}) ENGINE = MergeTree ORDER BY tuple()"
        )

    def rows(self, table: str) -> Sequence[Sequence[object]]:
        return self._admin.query(f"SELECT * FROM {self.database}.{table}").result_rows

    def stop(self) -> None:
        self._process.stop()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


class TestClickHouseConnect(ClickHouseClientContract):
    @pytest.fixture
    def server(self, process: ClickHouseProcess) -> Server:
        if process.process.poll() is not None:
            process.restart()
        return RealServer(process)
