"""Rows of settled blocks move into tables of their own, and every reader sees each once."""

from __future__ import annotations

import pytest

from connectors.clickhouse.visibility.moving.attempts import TABLES
from connectors.clickhouse.visibility.moving.plan import Limits
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import VIEWS, Chain, heights, less, repair, settle, whole
from tests.contract.visibility.settled_chain import (
    blocks,
    finalized,
    left,
    moved,
    mover_of,
    settled_chain,
)

pytestmark = pytest.mark.integration


def test_moved_rows_show_once_and_leave_the_tables_of_the_sink(chain: Chain) -> None:
    settled_chain(chain, 6)
    chain.apply(7)
    chain.apply(7, "b", "a")
    chain.revert(7, "b")
    assert moved(chain).heights == heights((1, 6))
    assert chain.visible() == whole(*blocks(1, 2, 3, 4, 5, 6, 7))
    assert finalized(chain) == whole(*blocks(1, 2, 3, 4, 5, 6))
    for table in TABLES:
        assert left(chain, f"settled_{table}") == {1, 2, 3, 4, 5, 6}
        assert left(chain, table) == {7}
    by_address = f"SELECT count() FROM {chain.canonical}.token_transfers_by_address"
    assert chain.client.command(by_address) == 2 * 2 * 7
    # The lookups are not needed any more for what was moved.
    for table in ("coverage_unsettled", "settled_lookup", "settled_ranges"):
        chain.client.command(f"TRUNCATE TABLE {chain.database}.{table}")
    assert chain.visible() == whole(*blocks(1, 2, 3, 4, 5, 6))


def test_the_newest_settled_blocks_stay_and_moves_are_bounded(chain: Chain) -> None:
    settled_chain(chain, 9)
    limits = Limits(step=2, stride=3, kept=2)
    mover = mover_of(chain, limits)
    steps = [mover.tick() for _ in range(4)]
    assert [step and step.ending for step in steps] == [None, 4, 7, None]
    assert mover.moved().heights == heights((1, 6))
    assert chain.visible() == whole(*blocks(*range(1, 10)))


def test_a_repair_of_a_moved_block_shows_with_its_coverage(chain: Chain) -> None:
    settler = settled_chain(chain, 4)
    moved(chain)
    expected = whole(*blocks(1, 2, 3, 4))
    # As the sink's guard does, before rows are taken away.
    SettledStore(chain.client, chain.database, 1).unsettle({2: chain.sequence + 1})
    chain.sequence += 1
    for table in VIEWS:
        chain.rows(table, 2, "a", sequence=chain.sequence, removed=table == "logs")
        assert chain.visible() == expected
    chain.coverage(2, "a", sequence=chain.sequence)
    expected = less(expected, (2, "a"), "logs")
    assert chain.visible() == expected
    assert finalized(chain) == less(expected, (2, "a"), *VIEWS)
    chain.apply(5)
    chain.finalize(5)
    settle(settler)
    after = moved(chain)
    assert after.exceptions.keys() == {2}
    SettledStore(chain.client, chain.database, 1).trim(settler.settled(), 1)
    expected = {view: {**rows, **whole((5, "a"))[view]} for view, rows in expected.items()}
    assert chain.visible() == finalized(chain) == expected
    # One that fails in the sink hides the block.
    repair(chain, 3, complete=False)
    assert chain.visible() == finalized(chain) == less(expected, (3, "a"), *VIEWS)
    repair(chain, 3)
    assert chain.visible() == expected


def test_a_moved_block_that_is_said_again_has_only_what_is_said_then(chain: Chain) -> None:
    """Its records before are in no raw-blocks any more, so nobody takes back those that it lacks now."""
    settled_chain(chain, 3)
    moved(chain)
    chain.sequence += 1
    for table in VIEWS:
        if table not in ("logs", "contracts"):
            chain.rows(table, 2, "a", sequence=chain.sequence, removed=False)
    chain.coverage(2, "a", sequence=chain.sequence)
    expected = less(whole(*blocks(1, 2, 3)), (2, "a"), "logs", "contracts")
    assert chain.visible() == finalized(chain) == expected
    moved(chain)
    assert chain.visible() == finalized(chain) == expected


def test_what_changed_since_it_was_moved_is_not_trimmed_before_the_next_move_lists_it(chain: Chain) -> None:
    settler = settled_chain(chain, 4)
    moved(chain)
    repair(chain, 2)
    chain.client.command(
        f"ALTER TABLE {chain.database}.settled_logs DELETE WHERE block_number = 2",
        settings={"mutations_sync": 1},
    )
    expected = whole(*blocks(1, 2, 3, 4))
    assert chain.visible() == expected
    chain.finalize(4)
    settler.tick()
    settler.tick()
    for _ in range(3):
        settler.tick()
    assert chain.visible() == expected


def test_a_fork_below_what_was_moved(chain: Chain) -> None:
    settler = settled_chain(chain, 5)
    moved(chain)
    SettledStore(chain.client, chain.database, 1).unsettle(dict.fromkeys([4, 5], chain.sequence + 1))
    expected = blocks(1, 2, 3, 4, 5)
    assert chain.visible() == whole(*expected)
    assert finalized(chain) == whole(*blocks(1, 2, 3))
    for number in (5, 4):
        chain.rows("transactions", number, "a", sequence=chain.sequence + 1, removed=True)
        assert chain.visible() == whole(*expected)
        chain.revert(number)
        expected.remove((number, "a"))
        assert chain.visible() == whole(*expected)
        moved(chain)
        assert chain.visible() == whole(*expected)
    for number in (4, 5, 6):
        chain.apply(number, "c", "a" if number == 4 else "c")
        expected.append((number, "c"))
        assert chain.visible() == whole(*expected)
    chain.finalize(6, "c")
    settle(settler)
    assert moved(chain).exceptions.keys() == {4, 5}
    assert chain.visible() == finalized(chain) == whole(*expected)


@pytest.mark.parametrize("guarded", [False, True])
def test_a_repair_that_takes_an_orphan_back_leaves_the_moved_block(chain: Chain, guarded: bool) -> None:
    settler = settled_chain(chain, 3)
    moved(chain)
    store = SettledStore(chain.client, chain.database, 1)
    store.trim(settler.settled(), 1)
    chain.sequence += 1
    if guarded:
        store.unsettle({2: chain.sequence})
    # Coverage may be ahead of the rows, and so of the sink's guard.
    chain.coverage(2, "b", sequence=chain.sequence, removed=True)
    assert chain.visible() == whole(*blocks(1, 2, 3))
    store.unsettle({2: chain.sequence})
    for table in VIEWS:
        chain.rows(table, 2, "b", sequence=chain.sequence, removed=True)
    assert chain.visible() == whole(*blocks(1, 2, 3))
    chain.apply(4)
    chain.finalize(4)
    settle(settler)
    assert moved(chain).exceptions == {}
    assert chain.visible() == finalized(chain) == whole(*blocks(1, 2, 3, 4))


@pytest.mark.parametrize("removed", [3, 7, 8, 11])
def test_moved_blocks_that_are_removed_since_are_hidden_of_their_chain_alone(
    chain: Chain, removed: int
) -> None:
    """Few are looked through, more are looked up; another chain may have the very same blocks."""
    other = Chain(chain.client, chain.database, chain_id=2)
    for each in (chain, other):
        settled_chain(each, 12)
        moved(each)
    for number in range(2, 2 + removed):
        chain.sequence += 1
        chain.coverage(number, "a", sequence=chain.sequence, removed=True)
    standing = [number for number in range(1, 13) if not 2 <= number < 2 + removed]
    assert chain.visible() == finalized(chain) == whole(*blocks(*standing))
    assert other.visible() == finalized(other) == whole(*blocks(*range(1, 13)))


def test_a_replay_of_old_messages_shows_nothing(chain: Chain) -> None:
    chain.apply(2, "b")
    applied = chain.sequence
    chain.revert(2, "b")
    settled_chain(chain, 3)
    moved(chain)
    repair(chain, 3)
    expected = whole(*blocks(1, 2, 3))
    for repaired in (False, True):
        if repaired:
            repair(chain, 2)
        for table in VIEWS:
            chain.rows(table, 2, "b", sequence=applied, removed=False)
            assert chain.visible() == expected
        chain.coverage(2, "b", sequence=applied)
        assert chain.visible() == expected
        for table in VIEWS:
            chain.rows(table, 2, "b", sequence=applied + 1, removed=True)
        chain.coverage(2, "b", sequence=applied + 1, removed=True)
        for number in (1, 2, 3):
            for table in VIEWS:
                chain.rows(table, number, "a", sequence=applied + 2, removed=False)
        assert chain.visible() == expected
        moved(chain)
        assert chain.visible() == expected


def test_a_hole_that_is_filled_below_the_end_is_moved(chain: Chain) -> None:
    settler = Settler(chain.client, chain.database, 1, dict)
    for number in (1, 2, 4, 5, 6):
        chain.apply(number)
    chain.coverage(5, "a", sequence=chain.sequence, complete=False)
    chain.finalize(6)
    settle(settler)
    assert moved(chain).heights == heights((1, 2), (4, 4), (6, 6))
    assert chain.visible() == whole(*blocks(1, 2, 4, 6))
    repair(chain, 5)
    chain.apply(3)
    expected = blocks(1, 2, 3, 4, 5, 6)
    assert chain.visible() == whole(*expected)
    chain.apply(7)
    chain.finalize(7)
    settle(settler)
    after = moved(chain)
    assert after.heights == heights((1, 7))
    assert after.exceptions == {}
    assert chain.visible() == finalized(chain) == whole(*expected, (7, "a"))
    assert left(chain, "settled_logs") == set(range(1, 8))


def test_chains_of_one_database_are_moved_apart(chain: Chain) -> None:
    other = Chain(chain.client, chain.database, chain_id=2**60)
    settled_chain(chain, 2)
    settled_chain(other, 4)
    moved(chain)
    assert (chain.visible(), other.visible()) == (whole(*blocks(1, 2)), whole(*blocks(1, 2, 3, 4)))
    moved(other)
    assert (chain.visible(), other.visible()) == (whole(*blocks(1, 2)), whole(*blocks(1, 2, 3, 4)))
    repair(other, 2)
    chain.apply(3)
    assert (chain.visible(), other.visible()) == (whole(*blocks(1, 2, 3)), whole(*blocks(1, 2, 3, 4)))
