"""`headwater verify` and `headwater sql` on the contiguous mainnet run, served by the recorded node."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner, Result

from headwater.cli import migrate, sql, verify
from headwater.errors import Fatal
from sandbox.node import RecordedChain, RecordedNode
from tests.conformance.real_blocks import cases
from tests.conformance.tables import load
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = [pytest.mark.data, pytest.mark.integration]
RUN = "mainnet-contiguous-17686110-17686132"
Command = Callable[..., Result]
# What the state stage tells of these blocks, reduced to what verify reads.
STATES = """
INSERT INTO headwater.transaction_states
    (chain_id, hash, state, version, sequence, block_number, block_hash, execution_status)
SELECT chain_id, hash, 'INCLUDED', sequence * 16, sequence, block_number, block_hash,
    if(receipt_status = 1, 'SUCCEEDED', 'REVERTED')
FROM headwater.transactions"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        client = process.client()
        load(client, process.settings, [case for case in cases() if RUN in case.name])
        client.command(STATES)
        client.close()
        yield process


@pytest.fixture
def client(server: ClickHouseProcess) -> Iterator[Client]:
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def run(
    server: ClickHouseProcess, shared_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Command]:
    monkeypatch.chdir(tmp_path)
    for name, value in server.settings.items():
        monkeypatch.setenv(f"HEADWATER_CLICKHOUSE__{name.upper()}", value)
    monkeypatch.setenv("HEADWATER_CHAIN__NAME", "ethereum")
    with RecordedNode(RecordedChain([shared_data / RUN])).serve_in_thread() as node:
        monkeypatch.setenv("HEADWATER_CHAIN__RPC", node.url)
        apps = {"verify": verify.app, "sql": sql.app, "migrate": migrate.app}
        yield lambda name, *words, **options: CliRunner().invoke(apps[name], words, **options)


def test_everything_agrees(run: Command) -> None:
    done = run("verify", "--json", "--patience", "0")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["clean"], report["checked"]) == (0, True, 23)
    assert (report["first"], report["last"]) == (17686110, 17686132)
    assert "agree on all 5" in run("verify", "--from", "17686115", "--to", "17686119").stdout


def test_the_blocks_that_differ_are_named(run: Command, client: Client) -> None:
    client.command(
        "INSERT INTO headwater.coverage "
        "SELECT * REPLACE (sequence + 1 AS sequence, log_count + 1 AS log_count) "
        "FROM headwater.coverage FINAL WHERE block_number = 17686120"
    )
    client.command(
        "INSERT INTO headwater.coverage SELECT * REPLACE (sequence + 1 AS sequence, true AS removed) "
        "FROM headwater.coverage FINAL WHERE block_number = 17686125"
    )
    client.command(
        "INSERT INTO headwater.coverage SELECT * REPLACE (unhex(repeat('ab', 32)) AS block_hash) "
        "FROM headwater.coverage FINAL WHERE block_number = 17686128"
    )
    client.command(
        "INSERT INTO headwater.blocks SELECT * REPLACE (unhex(repeat('ab', 32)) AS block_hash) "
        "FROM headwater.blocks FINAL WHERE block_number = 17686128"
    )
    try:
        done = run("verify", "--json", "--patience", "0")
        found = [(each["number"], each["kind"]) for each in json.loads(done.stdout)["differences"]]
        assert done.exit_code == 1
        assert found == [
            (17686120, "logs"),
            (17686125, "missing"),
            (17686128, "not-canonical"),
            (17686128, "orphan-rows"),
        ]
        assert "17686120" in run("verify", "--patience", "0").stdout
    finally:
        for number in (17686120, 17686125):
            client.command(
                "INSERT INTO headwater.coverage SELECT * REPLACE (sequence + 9 AS sequence) "
                f"FROM headwater.coverage WHERE block_number = {number} ORDER BY sequence LIMIT 1"
            )
        for table in ("coverage", "blocks"):
            client.command(
                f"INSERT INTO headwater.{table} SELECT * REPLACE (sequence + 9 AS sequence, true AS removed) "
                f"FROM headwater.{table} FINAL WHERE block_hash = unhex(repeat('ab', 32))"
            )
    assert run("verify", "--json", "--patience", "0").exit_code == 0


def test_sql_for_people_and_programs(run: Command) -> None:
    query = "SELECT count() AS blocks, max(number) AS head FROM ethereum_etl.blocks"
    assert json.loads(run("sql", "--json", query).stdout) == {"blocks": 23, "head": 17686132}
    assert run("sql", "--format", "CSVWithNames", query).stdout == '"blocks","head"\n23,17686132\n'
    shown = run("sql", input=query).stdout
    assert "blocks" in shown
    assert "17686132" in shown
    failed = run("sql", "SELECT nothing FROM canonical.blocks")
    assert isinstance(failed.exception, Fatal)
    assert "Code: 47. DB::Exception" in str(failed.exception)


def test_migrate_knows_the_chain_from_its_node(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run("migrate", "--json").stdout) == {
        "applied": True,
        "chain_id": 1,
        "migrations": [],
        "newer": [],
    }
    assert "up to date" in run("migrate").stdout
    monkeypatch.setenv("HEADWATER_CHAIN__NAME", "mainnet")
    planned = run("migrate", "--dry-run").stdout
    assert planned.startswith("-- 0003 ethereum_etl_views for mainnet\n")
    assert "CREATE OR REPLACE VIEW ethereum_etl.blocks" in planned
