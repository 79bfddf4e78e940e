"""Sink processes, a publisher and a client, for one test each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.runner import migrate
from headwater.settings import Settings
from tests.integration.sink_chain import CHAIN_ID, Publisher
from tests.integration.sinks import Sinks
from topics import admin


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """A client of a database with the sink's tables and views; the topics are there too."""
    admin.apply(settings)
    client = connect(settings.clickhouse)
    migrate(client, settings, CHAIN_ID)
    yield client
    client.close()


@pytest.fixture
def sinks(settings: Settings, client: Client, tmp_path: Path) -> Iterator[Sinks]:
    sinks = Sinks(settings, tmp_path)
    yield sinks
    sinks.stop()


@pytest.fixture
def publisher(settings: Settings, client: Client) -> Publisher:
    return Publisher(settings)
