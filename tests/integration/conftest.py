"""The real local stack, started once a run and only as far as the tests ask for it."""

from __future__ import annotations

import os
import re
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.settings import Settings, load_settings
from sandbox.chdb.logins import WRITER
from sandbox.downloads import LineProgress
from sandbox.services import anvil as anvil_service
from sandbox.services import registry as registry_service
from sandbox.services.ports import Ports
from sandbox.stack.services import Programs, fetch_programs
from sandbox.supervisor.process import Child
from tests.builders.clickhouse import basic
from tests.integration.stack import START_SECONDS, LocalStack


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Java, Kafka, the registry and anvil, fetched when this machine does not have them yet."""
    return fetch_programs(LineProgress())


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    """Free loopback ports, reserved for this run."""
    ports = Ports()
    yield ports
    ports.release()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, programs: Programs, ports: Ports) -> Iterator[LocalStack]:
    """The session's stack. Everything that is usually wanted boots side by side from the first use on."""
    stack = LocalStack(tmp_path_factory.mktemp("stack"), programs, ports)
    try:
        stack.start("kafka-1")
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def kafka(stack: LocalStack) -> str:
    """`bootstrap.servers` of a running Kafka."""
    stack.wait("kafka-1")
    return stack.stack.kafka_address


@pytest.fixture(scope="session")
def registry_url(stack: LocalStack) -> str:
    """The Confluent API of a running schema registry with the compatibility rule set."""
    stack.wait("registry")
    registry_service.require_compatibility(stack.stack.registry_port)
    return stack.stack.registry_url


@pytest.fixture(scope="session")
def clickhouse_url(stack: LocalStack) -> str:
    """The HTTP interface of a running ClickHouse engine."""
    stack.wait("clickhouse")
    return stack.stack.clickhouse_url


@pytest.fixture(scope="session")
def clickhouse(stack: LocalStack, clickhouse_url: str) -> dict[str, str]:
    """The section `clickhouse` of settings that reach it."""
    password = stack.stack.clickhouse_logins.writer
    return {"url": clickhouse_url, "username": WRITER, "password": password}


@pytest.fixture(scope="session")
def rpc_url(stack: LocalStack) -> str:
    """The session's local chain: one block per second, safe head - 8, finalized head - 16."""
    stack.wait("anvil")
    return stack.stack.rpc_url


@pytest.fixture
def make_chain(programs: Programs, ports: Ports, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a fresh chain of the test's own: `make_chain(block_seconds=1)` gives its address.

    `block_seconds=0` mines only when told (`evm_mine`, `anvil_mine`), so that a test decides each block.
    """
    children: list[Child] = []

    def make(block_seconds: float = 1) -> str:
        assert programs.anvil is not None
        number = len(children)
        port = ports.take(f"chain-{uuid.uuid4().hex}")
        command = anvil_service.command(
            programs.anvil,
            tmp_path / f"chain-{number}",
            port,
            tmp_path / f"chain-{number}.log",
            block_seconds=block_seconds,
        )
        child = Child(command)
        children.append(child)
        deadline = time.monotonic() + START_SECONDS
        while not anvil_service.is_ready(port):
            assert child.exit_code() is None, child.ending()
            assert time.monotonic() < deadline, "anvil does not answer"
            time.sleep(0.02)
        return f"http://127.0.0.1:{port}"

    yield make
    for child in children:
        child.kill()


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own, for topics, groups and transactional ids."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:24]
    return f"t{uuid.uuid4().hex[:8]}-{name}"


@pytest.fixture
def database(clickhouse: dict[str, str]) -> Iterator[str]:
    """An empty ClickHouse database of the test's own, dropped afterwards."""
    name = f"t{uuid.uuid4().hex[:10]}"
    _sql(clickhouse, f"CREATE DATABASE {name}")
    yield name
    _sql(clickhouse, f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture
def settings(
    kafka: str,
    registry_url: str,
    clickhouse: dict[str, str],
    topic_prefix: str,
    database: str,
    tmp_path: Path,
) -> Settings:
    """Settings for the whole stack with the test's own prefix, database and data directory."""
    return load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
            "clickhouse": {**clickhouse, "database": database},
        },
        environ={},
    )


def _sql(server: dict[str, str], statement: str) -> None:
    login = basic(server["username"], server["password"])
    request = urllib.request.Request(server["url"], data=statement.encode(), headers=login, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an integration test, whether it says so or not."""
    here = str(Path(__file__).parent) + os.sep
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.integration)
