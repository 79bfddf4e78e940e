"""Repairs of blocks that show, and of holes, before and after they are settled."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import VIEWS, Chain, heights, less, repair, settle, whole

pytestmark = pytest.mark.integration


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
