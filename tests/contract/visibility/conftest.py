"""One ClickHouse for the tests of what views show and how rows move; its database is empty for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.covered_chain import Chain
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.visibility.blank import BlankDatabase


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@pytest.fixture(scope="package")
def blank(server: ClickHouseProcess) -> Iterator[BlankDatabase]:
    made = BlankDatabase(server)
    yield made
    made.close()


@pytest.fixture
def chain(server: ClickHouseProcess, blank: BlankDatabase) -> Iterator[Chain]:
    client = server.client()
    yield Chain(client, blank.ready())
    client.close()
