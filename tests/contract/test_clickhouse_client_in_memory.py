"""The contract of a ClickHouse client on the one that unit tests use."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from connectors.clickhouse.sink.table import RawClient
from tests.contract.clickhouse_client import ClickHouseClientContract, Server
from tests.fakes.clickhouse import FakeClient


class MemoryServer:
    database = "db"

    def __init__(self) -> None:
        self._client = FakeClient()

    def client(self) -> RawClient:
        return self._client  # type: ignore[return-value]

    def create(self, table: str, **columns: str) -> None:
        self._client.create(f"{self.database}.{table}", **columns)

    def rows(self, table: str) -> Sequence[Sequence[object]]:
        return self._client.rows[f"{self.database}.{table}"]

    def stop(self) -> None:
        self._client.error = OperationalError("connection refused")


class TestFakeClient(ClickHouseClientContract):
    @pytest.fixture
    def server(self) -> Server:
        return MemoryServer()
