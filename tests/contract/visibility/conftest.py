"""One ClickHouse for the tests of what views show and how rows move, each with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.clickhouse.migrations.runner import migrate
from tests.builders.covered_chain import Chain
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.visibility.database import settings_for


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@pytest.fixture
def chain(server: ClickHouseProcess, request: pytest.FixtureRequest) -> Iterator[Chain]:
    client = server.client()
    database = f"t{abs(hash(request.node.name)) % 10**9}"
    migrate(client, settings_for(server, database), 1)
    yield Chain(client, database)
    for name in (database, *(f"{database}_{views}" for views in ("canonical", "finalized", "ethereum_etl"))):
        client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    client.close()
