"""A block appears whole or not at all in the views, and leaves at once, at every moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse.client import insert_settings
from connectors.clickhouse.migrations.runner import migrate, plan
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.settling import Settled
from headwater.errors import Fatal
from headwater.settings import Settings, load_settings
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration

VIEWS = ("blocks", "transactions", "logs", "token_transfers", "contracts")
# Rows of a block in each table.
PER_BLOCK = {"blocks": 1, "transactions": 3, "logs": 5, "token_transfers": 2, "contracts": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@dataclass
class Chain:
    """Writes blocks as the sink does, a step at a time, into a database of its own."""

    client: Client
    database: str
    chain_id: int = 1
    sequence: int = 100
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def canonical(self) -> str:
        return f"{self.database}_canonical"

    def rows(self, table: str, number: int, branch: str, *, sequence: int, removed: bool) -> None:
        names = {"blocks": "size", "contracts": "transaction_index", "transactions": "transaction_index"}
        index = names.get(table, "log_index")
        columns = ["chain_id", "block_number", "block_hash", "sequence", "removed", index]
        data = [
            [self.chain_id, number, block_hash(number, branch), sequence, removed, position]
            for position in range(PER_BLOCK[table])
        ]
        self.insert(table, columns, data)

    def insert(self, table: str, columns: Sequence[str], data: Sequence[Sequence[object]]) -> None:
        self.client.insert(
            table, data, column_names=columns, database=self.database, settings=insert_settings(self.client)
        )

    def coverage(
        self,
        number: int,
        branch: str,
        *,
        sequence: int,
        removed: bool = False,
        complete: bool = True,
        parent: str = "",
    ) -> None:
        columns = ["chain_id", "block_number", "block_hash", "parent_hash", "sequence", "removed", "complete"]
        before = block_hash(number - 1, parent or branch)
        self.insert(
            "coverage",
            columns,
            [[self.chain_id, number, block_hash(number, branch), before, sequence, removed, complete]],
        )

    def apply(self, number: int, branch: str = "a", parent: str = "") -> None:
        self.sequence += 1
        for table in VIEWS:
            self.rows(table, number, branch, sequence=self.sequence, removed=False)
        self.coverage(number, branch, sequence=self.sequence, parent=parent)

    def revert(self, number: int, branch: str = "a") -> None:
        self.sequence += 1
        self.coverage(number, branch, sequence=self.sequence, removed=True)
        for table in VIEWS:
            self.rows(table, number, branch, sequence=self.sequence, removed=True)

    def finalize(self, number: int, branch: str = "a") -> None:
        self.sequence += 1
        columns = ["chain_id", "hash", "state", "version", "sequence", "block_number", "block_hash"]
        digest = block_hash(number, branch)
        self.insert(
            "transaction_states",
            columns,
            [[self.chain_id, digest, "FINALIZED", self.sequence * 16, self.sequence, number, digest]],
        )

    def visible(
        self, client: Client | None = None, database: str = ""
    ) -> dict[str, dict[tuple[int, str], int]]:
        """Rows by (number, branch) in each view."""
        found = {}
        for view in VIEWS:
            rows = (client or self.client).query(
                f"SELECT block_number, block_hash, count() FROM {database or self.canonical}.{view} "
                f"WHERE chain_id = {self.chain_id} GROUP BY ALL"
            )
            found[view] = {
                (number, bytes.fromhex(text[2:]).rstrip(b"\0").decode().split("-")[1]): count
                for number, text, count in rows.result_rows
            }
        return found


def block_hash(number: int, branch: str) -> bytes:
    return f"{number}-{branch}".encode().ljust(32, b"\0")


def whole(*blocks: tuple[int, str]) -> dict[str, dict[tuple[int, str], int]]:
    return {view: dict.fromkeys(blocks, PER_BLOCK[view]) for view in VIEWS}


def settings_for(server: ClickHouseProcess, database: str) -> Settings:
    return load_settings(
        {"clickhouse": {**server.settings, "database": database}, "chain": {"name": "ethereum"}}, environ={}
    )


@pytest.fixture
def chain(server: ClickHouseProcess, request: pytest.FixtureRequest) -> Iterator[Chain]:
    client = server.client()
    database = f"t{abs(hash(request.node.name)) % 10**9}"
    migrate(client, settings_for(server, database), 1)
    yield Chain(client, database)
    for name in (database, *(f"{database}_{views}" for views in ("canonical", "finalized", "ethereum_etl"))):
        client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    client.close()


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
    with pytest.raises(Fatal, match="9000"):
        migrate(client, settings, 1)
    client.close()


def test_a_block_shows_when_its_coverage_does_and_goes_in_one_insert(chain: Chain) -> None:
    chain.apply(1)
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=200, removed=False)
        assert chain.visible() == whole((1, "a"))
    chain.coverage(2, "a", sequence=200)
    assert chain.visible() == whole((1, "a"), (2, "a"))
    # The retraction of some rows comes before the coverage record says it, and the rest after it.
    chain.rows("transactions", 2, "a", sequence=201, removed=True)
    assert chain.visible() == whole((1, "a"), (2, "a"))
    # The block's own row says it for all of them.
    chain.rows("blocks", 2, "a", sequence=201, removed=True)
    assert chain.visible() == whole((1, "a"))
    chain.coverage(2, "a", sequence=201, removed=True)
    assert chain.visible() == whole((1, "a"))
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=201, removed=True)
    # The same block again: its rows first, one table after the other.
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=202, removed=False)
        assert chain.visible() == whole((1, "a"))
    chain.coverage(2, "a", sequence=202)
    assert chain.visible() == whole((1, "a"), (2, "a"))
    # A replay of everything old changes nothing.
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=200, removed=False)
        chain.rows(table, 2, "a", sequence=201, removed=True)
    chain.coverage(2, "a", sequence=201, removed=True)
    assert chain.visible() == whole((1, "a"), (2, "a"))
    for table in (*VIEWS, "coverage", "coverage_tip"):
        chain.client.command(f"OPTIMIZE TABLE {chain.database}.{table} FINAL")
    assert chain.visible() == whole((1, "a"), (2, "a"))


def test_an_incomplete_block_stays_hidden(chain: Chain) -> None:
    chain.apply(1)
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=200, removed=False)
    chain.coverage(2, "a", sequence=200, complete=False)
    assert chain.visible() == whole((1, "a"))
    rows = chain.client.query(
        f"SELECT block_number, complete, follows FROM {chain.canonical}.completeness ORDER BY block_number"
    ).result_rows
    assert rows == [(1, True, False), (2, False, True)]


def test_readers_see_whole_blocks_while_the_chain_forks_and_parts_merge(
    chain: Chain, server: ClickHouseProcess
) -> None:
    """The polling reader of the issue: seeded forks under it, every view, merges forced in between."""
    stop = threading.Event()
    partial: list[object] = []
    polls = [0]

    def read() -> None:
        client = server.client()
        while not stop.is_set():
            for view, blocks in chain.visible(client).items():
                partial.extend((view, block, n) for block, n in blocks.items() if n != PER_BLOCK[view])
            joined = client.query(
                f"SELECT t.block_number, count() FROM {chain.canonical}.transactions AS t "
                f"INNER JOIN {chain.canonical}.logs AS l USING (block_hash) GROUP BY ALL"
            )
            partial.extend(row for row in joined.result_rows if row[1] != 15)
            polls[0] += 1
        client.close()

    def merge() -> None:
        client = server.client()
        while not stop.wait(0.5):
            for table in (*VIEWS, "coverage_tip"):
                client.command(f"OPTIMIZE TABLE {chain.database}.{table} FINAL")
        client.close()

    threads = [threading.Thread(target=read), threading.Thread(target=merge)]
    for thread in threads:
        thread.start()
    expected: list[tuple[int, str]] = []
    for fork in range(6):
        branch = "abc"[fork % 3] + str(fork)
        for _ in range(min(fork % 4, len(expected))):
            chain.revert(*expected.pop())
        for number in range(len(expected) + 1, len(expected) + 4):
            parent = expected[-1][1] if expected else branch
            chain.apply(number, branch, parent)
            expected.append((number, branch))
    stop.set()
    for thread in threads:
        thread.join()
    assert partial == []
    assert polls[0] > 3
    assert chain.visible() == whole(*expected)


def test_settled_blocks_need_no_coverage(chain: Chain) -> None:
    ends = {("ethereum.logs.v1", 0): 50}
    settler = Settler(chain.client, chain.database, 1, lambda: ends)
    for number in range(1, 4):
        chain.apply(number)
    chain.apply(4, "b", "a")
    chain.apply(4, "a")
    chain.sequence += 1
    chain.coverage(4, "b", sequence=chain.sequence, removed=True, parent="a")
    chain.apply(5)
    assert chain.visible(database=f"{chain.database}_finalized") == whole()
    chain.finalize(4)
    # The orphan's retractions are still on their way: nothing may be settled before they are in.
    assert [settler.tick() for _ in range(3)] == [None] * 3
    assert chain.visible() == whole(*((n, "a") for n in range(1, 6)))
    for table in VIEWS:
        chain.rows(table, 4, "b", sequence=chain.sequence, removed=True)
    chain.insert("sink_progress", ["topic", "partition", "next_offset"], [["ethereum.logs.v1", 0, 50]])
    assert settler.tick() == Settled(1, 4)
    assert chain.visible() == whole(*((n, "a") for n in range(1, 6)))
    assert chain.visible(database=f"{chain.database}_finalized") == whole(*((n, "a") for n in range(1, 5)))
    # Coverage is not asked any more for what is settled, and is for the rest.
    chain.client.command(f"TRUNCATE TABLE {chain.database}.coverage_tip")
    assert chain.visible() == whole(*((n, "a") for n in range(1, 5)))


def test_a_fork_below_finality_is_taken_out_of_the_settled_range_first(chain: Chain) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    for number in range(1, 6):
        chain.apply(number)
    chain.finalize(5)
    assert [settler.tick(), settler.tick()] == [None, Settled(1, 5)]
    settler.unsettle([4, 5, 9])
    assert settler.settled() == Settled(1, 5, frozenset({4, 5}))
    for number in (5, 4):
        chain.rows("transactions", number, "a", sequence=300, removed=True)
        assert chain.visible()["transactions"][number, "a"] == 3
        chain.revert(number)
    assert chain.visible() == whole(*((n, "a") for n in range(1, 4)))
    for number in (4, 5, 6):
        chain.apply(number, "c", "a" if number == 4 else "c")
    assert chain.visible() == whole((1, "a"), (2, "a"), (3, "a"), (4, "c"), (5, "c"), (6, "c"))
    chain.finalize(6, "c")
    assert [settler.tick(), settler.tick()] == [None, Settled(1, 6)]


def test_settled_partitions_leave_the_tip_a_tick_later(chain: Chain) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    columns = ["chain_id", "block_number", "block_hash", "parent_hash", "sequence", "removed", "complete"]
    rows = [
        [1, n, block_hash(n, "a"), block_hash(n - 1, "a"), n, False, n != 1500] for n in range(1000, 4500)
    ]
    chain.insert("coverage", columns, rows)
    chain.finalize(4200)
    assert [settler.tick(), settler.tick()] == [None, Settled(1000, 4200, frozenset({1500}))]
    count = f"SELECT count() FROM {chain.database}.coverage_tip"
    assert chain.client.command(count) == 3500
    settler.tick()
    settler.tick()
    # 2000…3999 are wholly settled; 1000…1999 has a hole, 4000…4999 an end.
    assert chain.client.command(count) == 1500
