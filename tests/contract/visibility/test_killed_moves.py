"""A move that is killed, paused or looked at in the middle: at all times each row is seen once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.visibility.moving.attempts import Attempt
from connectors.clickhouse.visibility.moving.plan import Limits, Sight, next_move
from connectors.clickhouse.visibility.moving.store import MovedStore
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import Chain, whole
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.contract.visibility.settled_chain import blocks, left, mover_of, settled_chain

pytestmark = pytest.mark.integration


class KilledError(Exception):
    """The process ends here."""


class Stopping:
    """A client that ends the process behind statement number `at` of those that change anything."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.at = 0
        self.query = client.query
        self.server_settings = client.server_settings
        self.written: list[str] = []

    def command(self, cmd: str, **options: Any) -> object:
        return self._then(cmd, self._client.command(cmd, **options))

    def insert(self, table: str, data: Sequence[Sequence[object]], **options: Any) -> object:
        return self._then(f"INSERT INTO {table}", self._client.insert(table, data, **options))

    def _then(self, statement: str, result: object) -> object:
        self.written.append(statement)
        if len(self.written) == self.at:
            raise KilledError(statement)
        return result


@pytest.mark.parametrize(
    "every", [pytest.param(5, id="of five one"), pytest.param(1, id="each", marks=pytest.mark.soak)]
)
def test_a_move_may_be_killed_behind_its_statements(chain: Chain, every: int) -> None:
    """A statement of a move ends a process; another one moves on. Both times every row shows once."""
    limits = Limits(step=1, stride=1, kept=0)
    settled_chain(chain, 60)
    everything = whole(*blocks(*range(1, 61)))
    whole_move = Stopping(chain.client)
    mover = mover_of(chain, limits, whole_move)
    mover.tick()
    assert mover.tick() is not None
    statements = len(whole_move.written)
    assert statements == 22
    ends = []
    for at in range(1, statements + 1, every):
        client = Stopping(chain.client)
        dying = mover_of(chain, limits, client)
        dying.tick()
        client.written.clear()
        client.at = at
        with pytest.raises(KilledError):
            dying.tick()
        assert some(chain) == {"blocks": 60, "logs": 300, "token_transfers_by_address": 240}, client.written[
            -1
        ]
        before = dying.moved()
        other = mover_of(chain, limits)
        other.tick()
        assert other.tick() is not None, client.written[-1]
        assert other.moved().ending in (before.ending + 1, before.ending + 2)
        ends.append(client.written[-1].split(" ")[0])
        if at % 5 == 1:
            assert chain.visible() == everything, client.written[-1]
    assert {"CREATE", "INSERT", "ALTER"} <= set(ends)
    assert chain.visible() == everything
    assert left(chain, "settled_logs") == set(range(1, mover.moved().ending))


def some(chain: Chain) -> dict[str, int]:
    """How many rows some views show."""
    views = ("blocks", "logs", "token_transfers_by_address")
    rows = chain.client.query(
        " UNION ALL ".join(f"SELECT '{view}', count() FROM {chain.canonical}.{view}" for view in views)
    ).result_rows
    return dict(rows)


def test_who_was_stood_in_for_can_do_nothing_more(chain: Chain) -> None:
    """A process sleeps behind any statement until another one has moved on, and then goes on."""
    limits = Limits(step=1, stride=1, kept=0)
    settled_chain(chain, 20)
    store = MovedStore(chain.client, chain.database, 1)
    for prepared in (False, True):
        moved_before = store.read()
        sleeping = Attempt(1, moved_before.version + 1, 1)
        assert store.begin(sleeping)
        assert store.stage(sleeping)
        sight = Sight(
            SettledStore(chain.client, chain.database, 1).read(), moved_before, {}, (), moved_before, 0
        )
        move = next_move(sight, limits)
        assert move is not None
        store.copy(sleeping, move)
        if prepared:
            store.prepare(sleeping, move.after)
        other = mover_of(chain, limits)
        other.tick()
        assert other.tick() is not None
        ending = other.moved().ending
        # It wakes up.
        if not prepared:
            with pytest.raises(ClickHouseError):
                store.prepare(sleeping, move.after)
        store.hand_over(sleeping, sleeping.number)
        assert other.moved().ending == ending == moved_before.ending + (1 if moved_before.ending else 2)
        assert some(chain) == {"blocks": 20, "logs": 100, "token_transfers_by_address": 80}


def test_readers_see_each_row_once_while_rows_are_moved(chain: Chain, server: ClickHouseProcess) -> None:
    settled_chain(chain, 40)
    stop = threading.Event()
    wrong: list[object] = []
    polls = [0]

    def read() -> None:
        client = server.client()
        while not stop.is_set():
            for view in ("blocks", "logs"):
                rows = client.query(
                    f"SELECT block_number, count() FROM {chain.canonical}.{view} GROUP BY ALL"
                )
                found = dict(rows.result_rows)
                if found != dict.fromkeys(range(1, 41), 1 if view == "blocks" else 5):
                    wrong.append((view, found))
            polls[0] += 1
        client.close()

    thread = threading.Thread(target=read)
    thread.start()
    mover = mover_of(chain, Limits(step=1, stride=10, kept=0))
    mover.tick()
    while mover.tick() is not None:
        pass
    stop.set()
    thread.join()
    assert wrong == []
    assert polls[0] > 2
    assert mover.moved().ending == 41
