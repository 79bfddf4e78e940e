"""The contract of a table that the sink writes to, on those that unit tests use."""

from __future__ import annotations

from typing import cast

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from connectors.clickhouse.sink.rows import Columns
from connectors.clickhouse.sink.table import RawClient, open_table
from tests.contract.sink_table import Numbers, TargetContract
from tests.fakes.clickhouse import FakeClient
from tests.fakes.coverage import FIELDS, Shown
from tests.fakes.sink import FakeTable


class Plain:
    def __init__(self) -> None:
        self.table = FakeTable()

    def columns(self, *numbers: int) -> Columns:
        return {"number": list(numbers)}

    def rows(self) -> list[int]:
        return self.table.rows

    def away(self) -> None:
        self.table.failures = 1


class Coverage:
    def __init__(self) -> None:
        self.table = Shown()

    def columns(self, *numbers: int) -> Columns:
        return {name: list(numbers) for name in FIELDS}

    def rows(self) -> list[int]:
        return [record["sequence"] for insert in self.table.inserts for record in insert]

    def away(self) -> None:
        self.table.failures = 1


class OverFakeClient:
    """The sink's own table over the client of unit tests."""

    def __init__(self) -> None:
        self._client = FakeClient()
        self._client.create("db.numbers", number="UInt64")
        self.table = open_table(cast(RawClient, self._client), "db", "numbers", ["number"])

    def columns(self, *numbers: int) -> Columns:
        return {"number": list(numbers)}

    def rows(self) -> list[int]:
        return [number for (number,) in self._client.rows["db.numbers"]]  # type: ignore[misc]

    def away(self) -> None:
        self._client.error = OperationalError("connection refused")


class TestFakeTable(TargetContract):
    @pytest.fixture
    def numbers(self) -> Numbers:
        return Plain()


class TestShown(TargetContract):
    @pytest.fixture
    def numbers(self) -> Numbers:
        return Coverage()


class TestTableOverFakeClient(TargetContract):
    @pytest.fixture
    def numbers(self) -> Numbers:
        return OverFakeClient()
