"""What is counted by day of final rows, refreshed by ClickHouse itself."""

from __future__ import annotations

import random
import signal
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from connectors.clickhouse.client import insert_settings
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.visibility.settler import Settler
from headwater.settings import load_settings
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration
DATABASE = "shop"
VIEWS = ("addresses_daily", "top_tokens_daily", "top_contracts_daily")
REFRESH = "final_days_refresh"
AT_A_TIME = 14
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ALICE, BOB, CAROL = (bytes([number]) * 20 for number in (1, 2, 3))
GOLD, LEAD = b"\x11" * 20, b"\x22" * 20
Counted = dict[str, list[tuple[object, ...]]]


@dataclass(frozen=True)
class Block:
    """A block, its one transaction, if any, and transfers (token, recipient), all from the sender."""

    number: int
    day: int
    sender: bytes | None = None
    to: bytes | None = None
    gas: int = 0
    transfers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def time(self) -> datetime:
        return FIRST + timedelta(days=self.day)

    @property
    def hash(self) -> bytes:
        return b"%032d" % self.number


class Chain:
    """One of the chains on a server that has the tables."""

    def __init__(self, server: ClickHouseProcess, chain_id: int) -> None:
        self._server, self._id = server, chain_id
        self.client = server.client()

    def add(self, blocks: Iterable[Block]) -> None:
        """Blocks come, and all of them become final."""
        rows: dict[str, list[list[object]]] = defaultdict(list)
        last = None
        for each in blocks:
            last, own = each, [self._id, each.number, each.hash, each.time, 100 + each.number]
            rows["blocks"].append([*own, 0 if each.sender is None else 1])
            rows["coverage"].append(
                [self._id, each.number, each.hash, b"%032d" % (each.number - 1), own[-1], True]
            )
            if each.sender is not None:
                hash_ = b"%032d" % (100_000 + each.number)
                rows["transactions"].append([*own, hash_, each.sender, each.to, b"\x01", each.gas])
            rows["token_transfers"] += [
                [*own, place, token, each.sender, target]
                for place, (token, target) in enumerate(each.transfers)
            ]
        assert last is not None
        number = last.number
        version = [160_000 + number, 10_000 + number]
        state = [self._id, last.hash, "FINALIZED", *version, number, last.hash]
        rows["transaction_states"].append(state)
        for table, columns in _COLUMNS.items():
            if table in rows:
                names, settings = columns.split(), insert_settings(self.client)
                self.client.insert(table, rows[table], names, DATABASE, settings=settings)
        settler = Settler(self.client, DATABASE, self._id, dict)
        for _ in range(3):
            settler.tick()

    def refresh(self) -> int:
        """Have the next days counted; how many were."""
        before = self._written()
        self.client.command(f"SYSTEM REFRESH VIEW {DATABASE}.{REFRESH}")
        self.client.command(f"SYSTEM WAIT VIEW {DATABASE}.{REFRESH}")
        return self._written() - before

    def die_while_it_refreshes(self) -> None:
        """The server is killed without a moment's notice, and comes back."""
        self.client.command(f"SYSTEM REFRESH VIEW {DATABASE}.{REFRESH}")
        self._server.stop(signal.SIGKILL)
        self._server.restart()
        self.client.close()
        self.client = self._server.client()

    def counted(self) -> Counted:
        """Each view, without the chain and when it was made."""
        return {view: self._rows(view) for view in VIEWS}

    def _written(self) -> int:
        """Rows that were ever written: the parts are never merged here."""
        query = f"SELECT count() FROM {DATABASE}.final_days WHERE chain_id = {self._id}"
        (row,) = self.client.query(query).result_rows
        return int(row[0])

    def _rows(self, view: str) -> list[tuple[object, ...]]:
        columns = "* EXCEPT (chain_id, counted_at)"
        table = f"{DATABASE}_finalized.{view}"
        found = self.client.query(f"SELECT {columns} FROM {table} WHERE chain_id = {self._id} ORDER BY ALL")
        return [tuple(row) for row in found.result_rows]


_PLACE = "chain_id block_number block_hash block_timestamp sequence"
_COLUMNS = {
    "blocks": f"{_PLACE} transaction_count",
    "transactions": f"{_PLACE} hash from_address to_address input receipt_gas_used",
    "token_transfers": f"{_PLACE} log_index token_address from_address to_address",
    "coverage": "chain_id block_number block_hash parent_hash sequence complete",
    "transaction_states": "chain_id hash state version sequence block_number block_hash",
}


def recount(blocks: Iterable[Block]) -> Counted:
    """The obvious way."""
    days: dict[date, list[Block]] = defaultdict(list)
    for each in blocks:
        days[each.time.date()].append(each)
    found: Counted = {view: [] for view in VIEWS}
    for day, own in sorted(days.items()):
        sent = [each for each in own if each.sender is not None]
        senders, targets = {each.sender for each in sent}, {each.to for each in sent} - {None}
        counts = (len(senders), len(targets), len(senders | targets))
        found["addresses_daily"].append((day, len(own), len(sent), *counts))
        tokens: dict[bytes, list[bytes | None]] = defaultdict(list)
        contracts: dict[bytes, list[Block]] = defaultdict(list)
        for each in sent:
            for token, target in each.transfers:
                tokens[token] += [each.sender, target]
            if each.to is not None:
                contracts[each.to].append(each)
        found["top_tokens_daily"] += _ranked(
            day, ((token, len(all_) // 2, len(set(all_))) for token, all_ in tokens.items())
        )
        found["top_contracts_daily"] += _ranked(
            day,
            (
                (address, sum(each.gas for each in calls), len({each.sender for each in calls}))
                for address, calls in contracts.items()
            ),
        )
    return found


def _ranked(day: date, leaders: Iterable[tuple[bytes, int, int]]) -> list[tuple[object, ...]]:
    order = sorted(leaders, key=lambda each: (-each[1], each[0]))
    return [(day, rank, f"0x{own.hex()}", *more) for rank, (own, *more) in enumerate(order[:100], 1)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    """Nothing but the tests refreshes there, and all that was written stays to be seen."""
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as made:
        settings = load_settings({"clickhouse": {**made.settings, "database": DATABASE}}, environ={})
        client = made.client()
        migrate(client, settings, 1)
        client.command(f"SYSTEM WAIT VIEW {DATABASE}.{REFRESH}")
        client.command(f"ALTER TABLE {DATABASE}.{REFRESH} MODIFY REFRESH EVERY 100 YEAR APPEND")
        client.command(f"SYSTEM STOP MERGES {DATABASE}.final_days")
        client.close()
        yield made


@pytest.fixture(params=[1])
def chain(server: ClickHouseProcess, request: pytest.FixtureRequest) -> Iterator[Chain]:
    made = Chain(server, request.param)
    yield made
    made.client.close()


def test_days_are_counted_when_they_are_final_and_again_while_they_grow(chain: Chain) -> None:
    one = [
        Block(1, 0, ALICE, GOLD, 100, ((GOLD, BOB), (GOLD, ALICE), (LEAD, BOB))),
        Block(2, 0, BOB, GOLD, 50, ((GOLD, CAROL),)),
    ]
    two = [Block(3, 0, ALICE, None, 7), Block(4, 1, CAROL, LEAD, 30, ((LEAD, CAROL),))]
    chain.add(one)
    assert chain.refresh() == 1
    assert chain.counted() == recount(one)
    assert chain.refresh() == 0, "nothing is another"
    chain.add(two)
    assert chain.refresh() == 2
    assert chain.counted() == recount(one + two)


@pytest.mark.parametrize("chain", [7], indirect=True)
def test_months_are_counted_in_steps_whatever_days_lack_and_whatever_dies(chain: Chain) -> None:
    draw = random.Random(5)
    people = [bytes([9, number]) * 10 for number in range(12)]
    blocks: list[Block] = []
    day = 0
    for number in range(100, 220):
        day += draw.choice((0, 0, 0, 1, 1, 2, 3, 33))
        if draw.random() < 0.4:
            blocks.append(Block(number, day))  # without transactions
            continue
        transfers = tuple((draw.choice((GOLD, LEAD)), draw.choice(people)) for _ in range(draw.randint(0, 3)))
        to = draw.choice((GOLD, LEAD, None, *people))
        blocks.append(Block(number, day, draw.choice(people), to, draw.randint(1, 9), transfers))
    days = sorted({each.day for each in blocks})
    assert len(days) > 3 * AT_A_TIME

    chain.add(blocks)
    assert chain.refresh() == AT_A_TIME
    assert chain.counted() == recount(each for each in blocks if each.day in days[-AT_A_TIME:])
    chain.die_while_it_refreshes()
    while chain.refresh():
        pass
    assert chain.counted() == recount(blocks)
