"""While a disk is full ClickHouse is asked for nothing with which it might not start again."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from connectors.clickhouse import room
from connectors.clickhouse.sink.placement.memory import GAP_COLUMNS, TOPIC_COLUMNS, TopicMemory
from connectors.clickhouse.sink.table import RawClient, open_table
from connectors.clickhouse.visibility.moving.store import MovedStore
from connectors.clickhouse.visibility.moving.sweep import Sweep
from connectors.clickhouse.visibility.store import SettledStore
from headwater.errors import Transient
from tests.builders.covered_chain import Chain
from tests.contract.visibility.settled_chain import mover_of, settled_chain

pytestmark = pytest.mark.integration


def _deletions(chain: Chain) -> dict[str, Callable[[], None]]:
    """Table → what deletes rows from it."""
    settler = settled_chain(chain, 4)
    mover = mover_of(chain)
    mover.tick()
    while mover.tick() is not None:
        pass  # what was moved last leaves at the next tick
    store, client = MovedStore(chain.client, chain.database, 1), cast(RawClient, chain.client)
    chain.insert("sink_topics", ["topic", "topic_id"], [["topic", "A"]])
    memory = TopicMemory(
        client,
        chain.database,
        open_table(client, chain.database, "sink_gaps", GAP_COLUMNS),
        open_table(client, chain.database, "sink_topics", TOPIC_COLUMNS),
        names=["topic"],
    )
    return {
        "coverage_unsettled": lambda: SettledStore(chain.client, chain.database, 1).trim(
            settler.settled(), 1
        ),
        "logs": lambda: Sweep(chain.client, chain.database, 1).run(store.read(), store.changed(store.read())),
        "sink_topics": lambda: memory.forget(["topic"]),
    }


def test_what_is_deleted_waits_for_room(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    deletions = _deletions(chain)

    def rows(table: str) -> int:
        return int(str(chain.client.command(f"SELECT count() FROM {chain.database}.{table}")))

    monkeypatch.setattr(room, "LEAST_BYTES", 2**62)
    for table, delete in deletions.items():
        before = rows(table)
        with pytest.raises(Transient, match=r"ClickHouse's disk default has \d+ bytes left"):
            delete()
        assert rows(table) == before > 0
    monkeypatch.undo()
    for table, delete in deletions.items():
        delete()
        assert rows(table) == 0, table
