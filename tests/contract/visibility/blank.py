"""One database for test after test, emptied between them: to make one takes as long as most of them."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.migrations.runner import migrate
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.visibility.database import settings_for

NAME = "blank"
_VIEWS = ("canonical", "finalized", "ethereum_etl")

_Tables = dict[tuple[str, str], tuple[str, int]]


class BlankDatabase:
    """As the migrations leave it, at every `ready`."""

    def __init__(self, server: ClickHouseProcess) -> None:
        self._settings = settings_for(server, NAME)
        self._client: Client = server.client()
        self._made: _Tables = {}

    def ready(self) -> str:
        """Its name, once there is nothing in it but what the migrations put there."""
        tables = self._tables()
        if not self._made or {each: tables[each][0] for each in tables} != self._definitions():
            self._make()
            return NAME
        for (database, table), (_, rows) in tables.items():
            before = self._made[database, table][1]
            if before and rows != before:
                self._make()
                return NAME
            if rows and not before:
                self._client.command(f"TRUNCATE TABLE {database}.{table}")
        return NAME

    def close(self) -> None:
        self._client.close()

    def _definitions(self) -> dict[tuple[str, str], str]:
        return {each: definition for each, (definition, _) in self._made.items()}

    def _make(self) -> None:
        for name in (NAME, *(f"{NAME}_{views}" for views in _VIEWS)):
            self._client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
        migrate(self._client, self._settings, 1)
        self._made = self._tables()

    def _tables(self) -> _Tables:
        """(database, table) → (how it is made, its rows)."""
        found = self._client.query(
            "SELECT database, name, create_table_query, ifNull(total_rows, 0) FROM system.tables "
            "WHERE database = {name:String} OR startsWith(database, concat({name:String}, '_'))",
            parameters={"name": NAME},
        )
        return {(database, table): (made, rows) for database, table, made, rows in found.result_rows}
