"""Two databases that stand in for shards show what one server shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import Chain, heights, settle, whole
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.sharded_clickhouse import CLUSTER, SHARDS, ShardedClient, migrate_sharded

pytestmark = pytest.mark.integration


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
