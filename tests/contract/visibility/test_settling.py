"""What is final is settled: it needs no coverage, and shows as before."""

from __future__ import annotations

import pytest

from connectors.clickhouse.client import insert_settings
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import VIEWS, Chain, block_hash, heights, settle, whole

pytestmark = pytest.mark.integration


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
