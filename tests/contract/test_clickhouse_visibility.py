"""A block appears whole or not at all in the views, and leaves at once, at every moment."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import cast

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse.client import insert_settings
from connectors.clickhouse.migrations import runner
from connectors.clickhouse.migrations.runner import load, migrate, plan
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from headwater.errors import Fatal
from headwater.settings import Settings, load_settings
from tests.builders.covered_chain import (
    PER_BLOCK,
    VIEWS,
    Chain,
    block_hash,
    heights,
    less,
    repair,
    settle,
    whole,
)
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.sharded_clickhouse import CLUSTER, SHARDS, ShardedClient, migrate_sharded

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


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
    for table in (*VIEWS, "coverage", "coverage_unsettled"):
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
            for table in (*VIEWS, "coverage_unsettled"):
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
    grown = settler.tick()
    assert grown is not None
    assert grown.ranges == heights((1, 4))
    assert chain.visible() == whole(*((n, "a") for n in range(1, 6)))
    assert chain.visible(database=f"{chain.database}_finalized") == whole(*((n, "a") for n in range(1, 5)))
    # Coverage is not asked any more for what is settled, and is for the rest.
    chain.client.command(f"TRUNCATE TABLE {chain.database}.coverage_unsettled")
    assert chain.visible() == whole(*((n, "a") for n in range(1, 5)))


def test_a_fork_below_finality_is_taken_out_of_what_is_settled_first(chain: Chain) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    store = SettledStore(chain.client, chain.database, 1)
    for number in range(1, 6):
        chain.apply(number)
    chain.finalize(5)
    assert settle(settler) == heights((1, 5))
    # What is settled may have left the coverage that views look at.
    chain.client.command(f"TRUNCATE TABLE {chain.database}.coverage_unsettled")
    store.unsettle(dict.fromkeys([4, 5, 9], chain.sequence + 1))
    assert [n for n in range(1, 10) if n in settler.settled()] == [1, 2, 3]
    for number in (5, 4):
        chain.rows("transactions", number, "a", sequence=300, removed=True)
        assert chain.visible()["transactions"][number, "a"] == 3
        chain.revert(number)
    assert chain.visible() == whole(*((n, "a") for n in range(1, 4)))
    for number in (4, 5, 6):
        chain.apply(number, "c", "a" if number == 4 else "c")
    expected = whole((1, "a"), (2, "a"), (3, "a"), (4, "c"), (5, "c"), (6, "c"))
    assert chain.visible() == expected
    # A finality that was taken back does not stand in the way of the one that holds.
    assert settler.tick() is None
    chain.finalize(6, "c")
    assert settle(settler) == heights((1, 6))
    assert chain.visible() == expected
    assert chain.visible(database=f"{chain.database}_finalized") == expected


def test_a_final_block_that_was_taken_back_is_not_settled_from(chain: Chain) -> None:
    for number in range(1, 6):
        chain.apply(number)
    chain.finalize(5)
    chain.revert(5)
    chain.revert(4)
    chain.apply(4, "c", "a")
    settler = Settler(chain.client, chain.database, 1, dict)
    assert [settler.tick() for _ in range(2)] == [None, None]
    chain.finalize(4, "c")
    assert settle(settler) == heights((1, 4))


def test_a_replay_of_old_retractions_opens_nothing(chain: Chain) -> None:
    chain.apply(1, "b")
    chain.revert(1, "b")
    orphaned = chain.sequence
    for number in range(1, 4):
        chain.apply(number)
    chain.finalize(3)
    assert settle(Settler(chain.client, chain.database, 1, dict)) == heights((1, 3))
    SettledStore(chain.client, chain.database, 1).unsettle({1: orphaned})
    assert all(n in SettledStore(chain.client, chain.database, 1).read() for n in range(1, 4))


def test_any_order_of_writers_ends_the_same(chain: Chain) -> None:
    """Two replicas settle under three finalities from what each of them read; blocks are retracted."""
    store = SettledStore(chain.client, chain.database, 1)
    for number in range(1, 7):
        chain.apply(number)
    chain.finalize(6)
    nothing, final = store.read(), chain.sequence
    retracted = final + 10

    def one() -> None:
        store.settle(nothing, [1, 2, 3, 5], final)

    def another() -> None:
        store.settle(nothing, [1, 2, 4, 5, 6], final + 5)

    def retract() -> None:
        store.unsettle({2: retracted, 5: retracted})

    def again() -> None:
        store.settle(replace(nothing, exceptions={5: retracted}), [5], retracted + 1)

    for order in permutations((one, another, retract, again)):
        # Nothing is settled under a finality before the retractions that precede it are in.
        if order.index(retract) > order.index(again):
            continue
        for table in ("settled_ranges", "settled_exceptions", "settled_lookup"):
            chain.client.command(f"TRUNCATE TABLE {chain.database}.{table}")
        for write in order:
            write()
        # A step of any replica shows what all of them have written.
        Settler(chain.client, chain.database, 1, dict).tick()
        settled = store.read()
        assert settled.shown
        assert [n for n in range(1, 7) if n in settled] == [1, 3, 4, 5, 6], order
        finalized = chain.visible(database=f"{chain.database}_finalized")["blocks"]
        assert sorted(number for number, _ in finalized) == [1, 3, 4, 5, 6], order


def test_what_is_settled_leaves_the_coverage_that_views_look_at_a_tick_later(chain: Chain) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    columns = ["chain_id", "block_number", "block_hash", "parent_hash", "sequence", "removed", "complete"]
    rows = [
        [1, n, block_hash(n, "a"), block_hash(n - 1, "a"), n, False, n != 1500] for n in range(1000, 4500)
    ]
    chain.insert("coverage", columns, rows)
    chain.sequence = 5000
    chain.finalize(4200)
    assert settle(settler) == heights((1000, 1499), (1501, 4200))
    count = f"SELECT count() FROM {chain.database}.coverage_unsettled"
    assert chain.client.command(count) == 3500
    settler.tick()
    assert chain.client.command(count) == 3500
    settler.tick()
    # The block that is not whole stays, and what is not final.
    assert chain.client.command(count) == 300


def test_a_change_of_a_settled_block_is_never_deleted_with_it(chain: Chain) -> None:
    """The block was retracted between the tick that knew it as settled and the one that deletes."""
    store = SettledStore(chain.client, chain.database, 1)
    for number in range(1, 4):
        chain.apply(number)
    chain.finalize(3)
    settler = Settler(chain.client, chain.database, 1, dict)
    assert settle(settler) == heights((1, 3))
    stale = store.read()
    store.unsettle({3: chain.sequence + 1})
    chain.revert(3)
    chain.apply(3, "c", "a")
    store.trim(stale, 1)
    assert chain.visible() == whole((1, "a"), (2, "a"), (3, "c"))


def test_a_gap_wider_than_a_statement_could_list_is_settled_around(chain: Chain) -> None:
    """A listener that begins anew far above: the runbook's empty raw-blocks."""
    settler = Settler(chain.client, chain.database, 1, dict)
    for number in range(1, 4):
        chain.apply(number)
    chain.finalize(3)
    assert settle(settler) == heights((1, 3))
    for number in range(40_000, 40_003):
        chain.apply(number)
    chain.finalize(40_001)
    assert settle(settler) == heights((1, 3), (40_000, 40_001))
    everything = [(n, "a") for n in (1, 2, 3, 40_000, 40_001, 40_002)]
    assert chain.visible() == whole(*everything)
    # Blocks that arrive in the gap later are coverage's until they are settled.
    for table in VIEWS:
        chain.rows(table, 20_000, "a", sequence=chain.sequence, removed=False)
    assert chain.visible() == whole(*everything)
    chain.coverage(20_000, "a", sequence=chain.sequence)
    assert chain.visible() == whole(*everything, (20_000, "a"))
    chain.finalize(40_002)
    assert settle(settler) == heights((1, 3), (20_000, 20_000), (40_000, 40_002))


def test_as_many_open_holes_as_there_may_be(chain: Chain) -> None:
    """Every second of 60,000 blocks stays incomplete: more than once fitted into a statement."""
    chain.client.command(
        f"INSERT INTO {chain.database}.coverage "
        "(chain_id, block_number, block_hash, parent_hash, sequence, removed, complete) "
        "SELECT 1, number, toFixedString(concat(toString(number), '-a'), 32), "
        "toFixedString(concat(toString(number - 1), '-a'), 32), number, false, number % 2 = 0 "
        "FROM numbers(1, 60000)",
        settings=insert_settings(chain.client),
    )
    for number in (59_999, 60_000):
        for table in VIEWS:
            chain.rows(table, number, "a", sequence=number, removed=False)
    chain.sequence = 70_000
    chain.finalize(60_000)
    settler = Settler(chain.client, chain.database, 1, dict)
    settler.tick()
    while settler.tick() is not None:
        pass
    settled = settler.settled()
    assert len(settled.ranges) == len(settled.ranges.ranges) == 30_000
    for _ in range(3):
        settler.tick()
    assert chain.visible() == whole((60_000, "a"))
    store = SettledStore(chain.client, chain.database, 1)
    store.unsettle(dict.fromkeys(range(58_002, 60_001, 2), chain.sequence + 1))
    assert len(store.read().exceptions) == 1_000
    assert chain.visible() == whole((60_000, "a"))
    assert chain.visible(database=f"{chain.database}_finalized") == whole()


def test_chains_of_one_database_are_settled_apart(chain: Chain) -> None:
    other = Chain(chain.client, chain.database, chain_id=2**60)
    for number in (1, 2, 3):
        chain.apply(number)
    for number in (2, 3):
        other.apply(number)
    chain.finalize(3)
    assert settle(Settler(chain.client, chain.database, 1, dict)) == heights((1, 3))
    for table in VIEWS:
        other.rows(table, 1, "a", sequence=500, removed=False)
    assert chain.visible() == whole((1, "a"), (2, "a"), (3, "a"))
    assert other.visible() == whole((2, "a"), (3, "a"))
    other.finalize(3)
    assert settle(Settler(chain.client, chain.database, other.chain_id, dict)) == heights((2, 3))
    chain.client.command(f"TRUNCATE TABLE {chain.database}.coverage_unsettled")
    assert chain.visible() == whole((1, "a"), (2, "a"), (3, "a"))
    assert other.visible() == whole((2, "a"), (3, "a"))
    SettledStore(chain.client, chain.database, 1).unsettle({3: 10_000})
    assert other.visible() == whole((2, "a"), (3, "a"))


def lookup_edges(chain: Chain) -> list[int]:
    rows = chain.client.query(f"SELECT edges FROM {chain.database}.settled_lookup FINAL").result_rows
    return list(rows[0][0])


def test_a_repair_takes_rows_away_with_its_coverage(chain: Chain) -> None:
    chain.apply(1)
    chain.apply(2)
    expected = whole((1, "a"), (2, "a"))
    for table in ("transactions", "logs"):
        chain.rows(table, 2, "a", sequence=200, removed=True)
        # Coverage does not know of it yet.
        assert chain.visible() == expected
    chain.coverage(2, "a", sequence=200)
    assert chain.visible() == less(expected, (2, "a"), "transactions", "logs")
    # A later repair says nothing of rows that were taken away before it.
    chain.coverage(2, "a", sequence=210)
    assert chain.visible() == less(expected, (2, "a"), "transactions", "logs")
    # A revert of the repaired block again shows in one insert.
    chain.rows("token_transfers", 2, "a", sequence=220, removed=True)
    assert chain.visible() == less(expected, (2, "a"), "transactions", "logs")
    chain.coverage(2, "a", sequence=220, removed=True)
    assert chain.visible() == whole((1, "a"))


def test_a_repair_ends_a_hole_before_its_height_is_settled(chain: Chain) -> None:
    for number in range(1, 4):
        chain.apply(number)
    chain.coverage(2, "a", sequence=chain.sequence, complete=False)
    assert chain.visible() == whole((1, "a"), (3, "a"))
    repair(chain, 2)
    expected = whole(*((n, "a") for n in range(1, 4)))
    assert chain.visible() == expected
    chain.finalize(3)
    assert settle(Settler(chain.client, chain.database, 1, dict)) == heights((1, 3))
    assert lookup_edges(chain) == [2, 9]
    assert chain.visible() == chain.visible(database=f"{chain.database}_finalized") == expected


@pytest.mark.parametrize("without", [(), ("logs", "contracts")])
def test_a_repair_ends_a_hole_at_any_depth_below_finality(chain: Chain, without: Sequence[str]) -> None:
    for number in range(1, 41):
        chain.apply(number)
    for number in (2, 39):
        chain.coverage(number, "a", sequence=chain.sequence, complete=False)
    chain.finalize(40)
    settler = Settler(chain.client, chain.database, 1, dict)
    assert settle(settler) == heights((1, 1), (3, 38), (40, 40))
    # What is not whole divides nothing in the form for the views.
    assert lookup_edges(chain) == [2, 83]
    SettledStore(chain.client, chain.database, 1).trim(settler.settled(), 1)
    rest = [(n, "a") for n in range(1, 41) if n not in (2, 39)]
    assert chain.visible() == chain.visible(database=f"{chain.database}_finalized") == whole(*rest)
    # As the sink's guard does with retractions, before their rows go in.
    if without:
        SettledStore(chain.client, chain.database, 1).unsettle({2: chain.sequence + 1})
    chain.sequence += 1
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=chain.sequence, removed=table in without)
        assert chain.visible() == whole(*rest)
    chain.coverage(2, "a", sequence=chain.sequence)
    expected = less(whole(*rest, (2, "a")), (2, "a"), *without)
    assert chain.visible() == expected
    assert settle(settler) is None
    chain.apply(41)
    chain.finalize(41)
    assert settle(settler) == heights((1, 38), (40, 41))
    store = SettledStore(chain.client, chain.database, 1)
    assert store.read().exceptions == {}
    store.trim(store.read(), 1)
    left = chain.client.query(f"SELECT DISTINCT block_number FROM {chain.database}.coverage_unsettled")
    assert left.result_rows == [(39,)]
    assert chain.client.command(f"SELECT count() FROM {chain.database}.retractions_unsettled") == 0
    finalized = chain.visible(database=f"{chain.database}_finalized")
    assert chain.visible() == finalized == less(whole(*rest, (2, "a"), (41, "a")), (2, "a"), *without)


def test_a_repair_of_a_settled_block_changes_its_rows(chain: Chain) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    store = SettledStore(chain.client, chain.database, 1)
    for number in range(1, 4):
        chain.apply(number)
    chain.finalize(3)
    assert settle(settler) == heights((1, 3))
    store.trim(store.read(), 1)
    expected = whole(*((n, "a") for n in range(1, 4)))
    store.unsettle({2: chain.sequence + 1})
    chain.rows("logs", 2, "a", sequence=chain.sequence + 1, removed=True)
    assert chain.visible() == expected
    repair(chain, 2, without=["logs"])
    assert chain.visible() == less(expected, (2, "a"), "logs")
    # One that fails in the sink hides the block, as a part of it would show otherwise.
    repair(chain, 3, complete=False)
    assert chain.visible() == less(whole((1, "a"), (2, "a")), (2, "a"), "logs")
    chain.finalize(3)
    assert settle(settler) == heights((1, 3))
    store.trim(store.read(), 1)
    assert chain.visible() == less(whole((1, "a"), (2, "a")), (2, "a"), "logs")
    repair(chain, 3)
    finalized = chain.visible(database=f"{chain.database}_finalized")
    assert chain.visible() == finalized == less(expected, (2, "a"), "logs")


def test_an_orphan_whose_retraction_failed_never_shows_and_is_settled_when_it_is_repaired(
    chain: Chain,
) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    chain.apply(1)
    for number in (2, 3):
        chain.apply(number, "b", "a" if number == 2 else "b")
    # One retraction went to the dead letters of a stage, of another one a row to those of the sink.
    chain.sequence += 1
    chain.coverage(3, "b", sequence=chain.sequence, removed=True, complete=False)
    chain.revert(2, "b")
    chain.insert(
        "dead_letters",
        ["topic", "partition", "offset", "stage", "headers"],
        [["ethereum.logs.v1", 0, 1, "sink", {"sequence": str(chain.sequence), "chain-id": "1"}]],
    )
    for number in range(2, 6):
        chain.apply(number)
    chain.finalize(5)
    assert settle(settler) == heights((1, 1), (4, 5))
    expected = whole(*((n, "a") for n in range(1, 6)))
    assert chain.visible() == expected
    for number in (2, 3):
        chain.revert(number, "b")
    chain.finalize(5)
    assert settle(settler) == heights((1, 5))
    assert chain.visible() == chain.visible(database=f"{chain.database}_finalized") == expected


def test_coverage_of_an_exception_comes_back_when_another_process_deleted_it(chain: Chain) -> None:
    """It read what is settled before the exception, and deleted behind it."""
    store = SettledStore(chain.client, chain.database, 1)
    settler = Settler(chain.client, chain.database, 1, dict)
    for number in range(1, 4):
        chain.apply(number)
    chain.finalize(3)
    assert settle(settler) == heights((1, 3))
    stale = store.read()
    store.unsettle({2: chain.sequence + 1})
    store.trim(stale, 1)
    # What is retracted there is another block: the canonical one stays.
    chain.revert(2, "b")
    settler.tick()
    assert chain.visible() == whole(*((n, "a") for n in range(1, 4)))
    chain.finalize(3)
    assert [settler.tick() for _ in range(3)][-1] is not None or 2 in store.read()
    assert 2 in store.read()


def repairs_of(chain: Chain) -> dict[str, tuple[object, ...]]:
    rows = chain.client.query(
        f"SELECT request_id, outcome, failed_stage, problem FROM {chain.canonical}.repairs"
    ).result_rows
    return {str(request): tuple(rest) for request, *rest in rows}


def letters_of(chain: Chain) -> dict[int, tuple[object, ...]]:
    rows = chain.client.query(
        f"SELECT offset, block_number, block_hash, sequence, repair, repair_outcome, repair_problem "
        f"FROM {chain.canonical}.dead_letters"
    ).result_rows
    return {int(offset): tuple(rest) for offset, *rest in rows}


def asked(chain: Chain, request: str, block: tuple[int, str] | int, outcome: str, **more: object) -> None:
    """An outcome as the sink stores it; times are seconds."""
    row = {
        "chain_id": chain.chain_id,
        "request_id": request,
        "block_number": block if isinstance(block, int) else block[0],
        "block_hash": None if isinstance(block, int) else block_hash(*block),
        "requested_at": datetime.fromtimestamp(50, UTC),
        "decided_at": datetime.fromtimestamp(60, UTC),
        "outcome": outcome,
        **more,
    }
    chain.insert("repairs", list(row), [list(row.values())])


def letter(chain: Chain, offset: int, sequence: int, block: tuple[int, str], stage: str) -> None:
    trace = block_hash(*block)[:24].hex()
    headers = {
        "sequence": str(sequence),
        "chain-id": str(chain.chain_id),
        "traceparent": f"00-{trace[:32]}-{trace[32:]}-01",
    }
    columns = ["topic", "partition", "offset", "stage", "error_message", "headers", "failed_at"]
    failed = datetime.fromtimestamp(40, UTC)
    chain.insert("dead_letters", columns, [["raw", 0, offset, stage, f"{stage} failed", headers, failed]])


def test_what_became_of_repairs(chain: Chain) -> None:
    for number in range(1, 5):
        chain.apply(number)
    asked(chain, "refused", (9, "a"), "REFUSED", problem="it is above the tip")
    asked(chain, "under way", (1, "a"), "PUBLISHED", sequence=500)
    asked(chain, "of a height", 2, "PUBLISHED", sequence=501)
    asked(chain, "failed", (3, "a"), "PUBLISHED", sequence=502)
    # Interrupted and made again: the latest decision holds.
    asked(chain, "again", (4, "a"), "PUBLISHED", sequence=503)
    later = datetime.fromtimestamp(61, UTC)
    asked(chain, "again", (4, "a"), "PUBLISHED", sequence=504, decided_at=later)
    chain.coverage(2, "a", sequence=501)
    letter(chain, 7, 502, (3, "a"), "normalize")
    chain.coverage(3, "a", sequence=502)
    chain.coverage(4, "a", sequence=503)
    assert repairs_of(chain) == {
        "refused": ("refused", None, "it is above the tip"),
        "under way": ("under way", None, None),
        "of a height": ("repaired", None, None),
        "failed": ("failed again", "normalize", "normalize failed"),
        "again": ("under way", None, None),
    }
    chain.coverage(4, "a", sequence=600)
    chain.coverage(1, "a", sequence=500, complete=False)
    assert repairs_of(chain)["again"] == ("repaired", None, None)
    assert repairs_of(chain)["under way"] == ("under way", None, None)


def test_dead_letters_tell_their_block_and_what_was_done(chain: Chain) -> None:
    for number in range(1, 4):
        chain.apply(number)
    names = {number: "0x" + block_hash(number, "a").hex() for number in range(1, 4)}
    chain.coverage(1, "a", sequence=300, complete=False)
    letter(chain, 1, 300, (1, "a"), "enrich")
    letter(chain, 1, 300, (1, "a"), "enrich")
    chain.coverage(2, "a", sequence=301, complete=False)
    letter(chain, 2, 301, (2, "a"), "sink")
    letter(chain, 3, 302, (3, "a"), "state")
    assert letters_of(chain) == {
        1: (1, names[1], 300, None, None, None),
        2: (2, names[2], 301, None, None, None),
        3: (None, None, 302, None, None, None),
    }
    place = {"letter_topic": "raw", "letter_partition": 0, "letter_offset": 3}
    asked(chain, "one", (1, "a"), "PUBLISHED", sequence=500)
    # Asked before the letter came about: not for it.
    early = datetime.fromtimestamp(30, UTC)
    asked(chain, "two", (2, "a"), "REFUSED", problem="no", requested_at=early)
    asked(chain, "three", (3, "a"), "REFUSED", problem="no node has it", **place)
    chain.coverage(1, "a", sequence=500)
    assert letters_of(chain) == {
        1: (1, names[1], 300, "one", "repaired", None),
        2: (2, names[2], 301, None, None, None),
        3: (3, names[3], 302, "three", "refused", "no node has it"),
    }


@pytest.fixture
def sharded(server: ClickHouseProcess) -> Iterator[Chain]:
    """A chain over two databases that stand in for shards; see sharded_clickhouse for what that shows."""
    client = server.client()
    yield Chain(cast(Client, migrate_sharded(client, "sharded")), "sharded")
    shards = [f"_{shard}" for shard in range(SHARDS)]
    for suffix in ("_canonical", "_finalized", "_ethereum_etl", "", *shards):
        client.command(f"DROP DATABASE sharded{suffix} SYNC")
    client.close()


def test_stand_ins_for_shards_show_what_one_server_shows(sharded: Chain) -> None:
    for number in range(1, 9):
        sharded.apply(number)
    expected = [(n, "a") for n in range(1, 9)]
    assert sharded.visible() == whole(*expected)
    blocks = [
        sharded.client.query(f"SELECT count() FROM sharded_{shard}.blocks_local").result_rows[0][0]
        for shard in range(SHARDS)
    ]
    assert min(blocks) > 0, "the chain's blocks are on one shard: this would show nothing"
    # The retraction of a block is on the block's shard, what hides it on the chain's.
    for number in range(8, 3, -1):
        sharded.sequence += 1
        sharded.rows("blocks", number, "a", sequence=sharded.sequence, removed=True)
        expected.remove((number, "a"))
        assert sharded.visible() == whole(*expected)
    for number in range(8, 3, -1):
        sharded.revert(number)
    for number in range(4, 9):
        sharded.apply(number, "b", "a" if number == 4 else "b")
        expected.append((number, "b"))
        assert sharded.visible() == whole(*expected)


def test_stand_ins_for_shards_are_settled(sharded: Chain) -> None:
    client = cast(ShardedClient, sharded.client)
    settler = Settler(client, "sharded", 1, dict, CLUSTER)
    store = SettledStore(client, "sharded", 1, CLUSTER)
    for number in range(1, 7):
        sharded.apply(number)
    # States are divided by transaction: the same block's finality comes from both shards.
    for _ in range(4):
        sharded.finalize(5)
    sharded.finalize(6)
    sharded.revert(6)
    assert settle(settler) == heights((1, 5))
    expected = whole(*((n, "a") for n in range(1, 6)))
    assert sharded.visible() == expected
    store.trim(store.read(), 1)
    left = "SELECT DISTINCT block_number FROM sharded.coverage_unsettled"
    assert sharded.client.query(left).result_rows == [(6,)]
    assert sharded.visible() == sharded.visible(database="sharded_finalized") == expected
    store.unsettle({5: sharded.sequence + 1})
    assert sharded.visible() == expected
    sharded.revert(5)
    assert sharded.visible() == whole(*((n, "a") for n in range(1, 5)))


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
