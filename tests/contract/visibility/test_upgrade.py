"""Migrations: twice, at once, and over a database of the versions before."""

from __future__ import annotations

import threading
from collections.abc import Collection

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse.migrations import runner
from connectors.clickhouse.migrations.files import load
from connectors.clickhouse.migrations.runner import migrate, plan
from connectors.clickhouse.migrations.standing import require_usable
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from headwater.errors import Fatal
from headwater.settings import Settings
from tests.builders.covered_chain import Chain, heights, settle, whole
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.visibility.database import settings_for

pytestmark = pytest.mark.integration


def test_migrating_twice_and_at_once_changes_nothing(server: ClickHouseProcess) -> None:
    settings = settings_for(server, "twice")
    failures: list[BaseException] = []

    def run() -> None:
        client = server.client()
        try:
            migrate(client, settings, 1)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails with it
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    client = server.client()
    assert plan(client, settings, 1) == ()
    assert migrate(client, settings, 1) == ()
    other = settings.model_copy(update={"chain": settings.chain.model_copy(update={"name": "evm-5"})})
    assert [step.migration.name for step in plan(client, other, 5)] == ["ethereum_etl_views"]
    migrate(client, other, 5)
    assert client.command("EXISTS TABLE twice_ethereum_etl.blocks") == 1
    assert client.command("EXISTS TABLE twice_ethereum_etl_evm_5.blocks") == 1
    client.command(
        "INSERT INTO twice.schema_migrations (version, scope, name, checksum) VALUES (9000, '', 'x', 'y')"
    )
    assert migrate(client, settings, 1) == ()
    assert runner.newer(client, settings) == ("9000 x",)
    client.command("INSERT INTO twice.schema_contracts (version, scope, oldest) VALUES (9000, '', 8999)")
    with pytest.raises(Fatal, match="migration 9000 took away"):
        migrate(client, settings, 1)
    with pytest.raises(Fatal, match="migration 9000 took away"):
        require_usable(client, "twice", "ethereum")
    client.close()


def apply_only(
    monkeypatch: pytest.MonkeyPatch, client: Client, settings: Settings, versions: Collection[int]
) -> None:
    """Migrate as a version did that carried only these."""
    with monkeypatch.context() as patched:
        patched.setattr(runner, "load", lambda chain: tuple(m for m in load(chain) if m.version in versions))
        migrate(client, settings, 1)


def test_a_database_of_the_versions_before_shows_the_same_when_it_is_upgraded(
    server: ClickHouseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(server, "upgraded")
    client = server.client()
    apply_only(monkeypatch, client, settings, {1, 2, 3, 4})
    chain = Chain(client, "upgraded")
    for number in (0, 1, 2, 3, 4, 5, 6, 8, 9):
        chain.apply(number)
    chain.coverage(4, "a", sequence=chain.sequence, complete=False)
    chain.finalize(6)
    # As the settler before wrote it: a range, its exceptions, and coverage_tip without what is settled.
    chain.insert("settled", ["chain_id", "from_number", "to_number", "version"], [[1, 0, 6, 1]])
    columns = ["chain_id", "block_number", "open", "version"]
    chain.insert(
        "settled_holes", columns, [[1, 2, True, 1], [1, 4, True, 1], [1, 5, True, 1], [1, 5, False, 2]]
    )
    client.command(
        "ALTER TABLE upgraded.coverage_tip DELETE WHERE block_number IN (0, 1, 3, 5, 6)",
        settings={"mutations_sync": 1},
    )
    chain.revert(9)
    before = chain.visible()
    assert before == whole(*((n, "a") for n in (0, 1, 2, 3, 5, 6, 8)))
    finalized = chain.visible(database="upgraded_finalized")
    assert finalized == whole(*((n, "a") for n in (0, 1, 3, 5, 6)))
    migrate(client, settings, 1)
    assert plan(client, settings, 1) == ()
    assert chain.visible() == before
    assert chain.visible(database="upgraded_finalized") == finalized
    assert SettledStore(client, "upgraded", 1).read().ranges == heights((0, 1), (3, 3), (5, 6))
    settler = Settler(client, "upgraded", 1, dict)
    assert settle(settler) == heights((0, 3), (5, 6))
    chain.apply(9, "b", "a")
    chain.finalize(9, "b")
    assert settle(settler) == heights((0, 3), (5, 6), (8, 9))
    for name in ("upgraded", *(f"upgraded_{views}" for views in ("canonical", "finalized", "ethereum_etl"))):
        client.command(f"DROP DATABASE {name} SYNC")
    client.close()
