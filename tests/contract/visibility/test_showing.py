"""A block appears whole or not at all in the views, and leaves at once, at every moment."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import permutations

import pytest

from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import PER_BLOCK, VIEWS, Chain, whole
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration


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
