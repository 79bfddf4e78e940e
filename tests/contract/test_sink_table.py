"""The contract of a table that the sink writes to, on ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import cast

import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.sink.rows import Columns
from connectors.clickhouse.sink.table import RawClient, open_table
from headwater.settings import load_settings
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.sink_table import Numbers, TargetContract

pytestmark = pytest.mark.integration
_tables = count()


class InClickHouse:
    def __init__(self, process: ClickHouseProcess) -> None:
        self._process = process
        self._name = f"numbers_{next(_tables)}"
        self._admin = process.client()
        given = {"clickhouse": {**process.settings, "database": "default"}}
        self._client = cast(RawClient, connect(load_settings(given, environ={}).clickhouse))
        self._admin.command(f"CREATE TABLE default.{self._name} (number UInt64) ENGINE = Memory")
        self.table = open_table(self._client, "default", self._name, ["number"])

    def columns(self, *numbers: int) -> Columns:
        return {"number": list(numbers)}

    def rows(self) -> list[int]:
        found = self._admin.query(f"SELECT number FROM default.{self._name}").result_rows
        return [number for (number,) in found]

    def away(self) -> None:
        self._process.stop()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


class TestTable(TargetContract):
    @pytest.fixture
    def numbers(self, process: ClickHouseProcess) -> Numbers:
        if process.process.poll() is not None:
            process.restart()
        return InClickHouse(process)
