"""Rows of settled blocks move into tables of their own, and every reader sees each once, at all times."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.visibility.moving.attempts import Attempt
from connectors.clickhouse.visibility.moving.mover import Mover
from connectors.clickhouse.visibility.moving.plan import Limits, Moved, Sight, next_move
from connectors.clickhouse.visibility.moving.store import MovedStore
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from headwater.settings import load_settings
from tests.builders.covered_chain import VIEWS, Chain, heights, less, repair, settle, whole
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration

# Everything that is settled, at once.
ALL = Limits(step=1, stride=1_000, kept=0, filled=1)
TABLES = (*VIEWS, "token_transfers_by_address")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@pytest.fixture
def chain(server: ClickHouseProcess, request: pytest.FixtureRequest) -> Iterator[Chain]:
    client = server.client()
    database = f"m{abs(hash(request.node.name)) % 10**9}"
    section = {**server.settings, "database": database}
    migrate(client, load_settings({"clickhouse": section, "chain": {"name": "ethereum"}}, environ={}), 1)
    yield Chain(client, database)
    for name in (database, *(f"{database}_{views}" for views in ("canonical", "finalized", "ethereum_etl"))):
        client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    client.close()


def mover_of(chain: Chain, limits: Limits = ALL, client: object = None, patience: float = 0) -> Mover:
    return Mover(
        cast(Client, client or chain.client), chain.database, chain.chain_id, limits, patience=patience
    )


def moved(chain: Chain, limits: Limits = ALL) -> Moved:
    """Ticks of a new process until nothing more is to be done."""
    mover = mover_of(chain, limits)
    mover.tick()
    while mover.tick() is not None:
        pass
    # What was moved last leaves the sink's tables a tick later.
    mover.tick()
    return mover.moved()


def settled_chain(chain: Chain, last: int) -> Settler:
    """Blocks 1 to `last`, all settled."""
    settler = Settler(chain.client, chain.database, chain.chain_id, dict)
    for number in range(1, last + 1):
        chain.apply(number)
    chain.finalize(last)
    assert settle(settler) == heights((1, last))
    return settler


def blocks(*numbers: int, branch: str = "a") -> list[tuple[int, str]]:
    return [(number, branch) for number in numbers]


def left(chain: Chain, table: str) -> set[int]:
    rows = chain.client.query(f"SELECT DISTINCT block_number FROM {chain.database}.{table}").result_rows
    return {number for (number,) in rows}


def finalized(chain: Chain) -> dict[str, dict[tuple[int, str], int]]:
    return chain.visible(database=f"{chain.database}_finalized")


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
