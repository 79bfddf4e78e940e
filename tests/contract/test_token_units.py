"""Amounts in units: exact or not there at all, and what people say of tokens, on the engine itself."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest

from connectors.clickhouse.client import Client, connect, insert_settings
from connectors.clickhouse.migrations.runner import migrate
from connectors.tokens.text import read
from headwater.settings import Settings, load_settings
from sandbox.screen.clickhouse_view import Tables as Screen
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.paths import ROOT

pytestmark = pytest.mark.integration
DATABASE = "shop"
ONE, TEN = 1, 10
DAY = datetime(2026, 1, 2, tzinfo=UTC)
MOST = 2**256 - 1
BOUND = 37
PLACES = 30
Row = tuple[Any, ...]


class Tables:
    """The tables, written as the sink writes them, and the views."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._number = 0

    def describe(
        self,
        token: bytes,
        version: int,
        decimals: int = 0,
        symbol: str = "",
        *,
        chain: int = ONE,
        gone: bool = False,
    ) -> None:
        row = [chain, token, version, gone, symbol, f"the {symbol}", decimals, DAY, "ann@desk"]
        names = "chain_id token_address version removed symbol name decimals written_at written_by"
        self._insert("tokens", names, [row])

    def transfer(self, amounts: Iterable[tuple[bytes, int]], *, chain: int = ONE) -> None:
        """A block with a transfer for each token and amount, which coverage shows."""
        self._number += 1
        place = [chain, self._number, b"%032d" % self._number, DAY, 5]
        transfers = [[*place, index, token, value] for index, (token, value) in enumerate(amounts)]
        names = "chain_id block_number block_hash block_timestamp sequence"
        self._insert("token_transfers", f"{names} log_index token_address value", transfers)
        self._insert(
            "coverage", "chain_id block_number block_hash sequence complete", [[*place[:3], 5, True]]
        )

    def count(
        self,
        token: bytes,
        amount: int,
        *,
        hour: int = 0,
        overflow: bool = False,
        chain: int = ONE,
        day: datetime = DAY,
    ) -> None:
        """The statistics of a token in an hour."""
        start = day.replace(hour=hour, minute=0, second=0, microsecond=0)
        names = "chain_id sequence window_seconds window_start window_end final complete token_address"
        row = [chain, 5, 3600, start, start, True, True, token, 1, amount, overflow]
        self._insert("token_stats", f"{names} transfer_count amount amount_overflow", [row])

    def lead(self, tokens: Sequence[bytes], day: date) -> None:
        """The leaders of a final day."""
        leaders = [(f"0x{own.hex()}", 9, 2) for own in tokens]
        self._insert("final_days", "chain_id day counted_at top_tokens", [[ONE, day, DAY, leaders]])

    def ask(self, query: str, **settings: object) -> list[Row]:
        for kind in ("canonical", "finalized"):
            query = query.replace(f"{kind}.", f"{DATABASE}_{kind}.")
        return [tuple(row) for row in self._client.query(query, settings=settings).result_rows]

    def _insert(self, table: str, names: str, rows: Sequence[Sequence[object]]) -> None:
        self._client.insert(table, rows, names.split(), DATABASE, settings=insert_settings(self._client))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as made:
        yield load_settings({"clickhouse": {**made.settings, "database": DATABASE}}, environ={})


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Client]:
    client = connect(settings.clickhouse, database="")
    migrate(client, settings, ONE)
    yield client
    client.close()


@pytest.fixture
def tables(server: Client) -> Tables:
    for table in ("tokens", "token_transfers", "token_stats", "final_days", "coverage", "coverage_unsettled"):
        server.command(f"TRUNCATE TABLE {DATABASE}.{table}")
    return Tables(server)


def token(number: int) -> bytes:
    return number.to_bytes(20, "big")


def hexed(number: int) -> str:
    return f"0x{token(number).hex()}"


def expected(value: int, decimals: int) -> tuple[Decimal | None, str]:
    """The exact amount in units and the status, the obvious way."""
    if decimals > PLACES:
        return None, "more than 30 decimals"
    if value >= 10 ** (BOUND + decimals):
        return None, "10^37 units or more"
    with localcontext(prec=120):
        return Decimal(value) / 10**decimals, "exact"


def test_units_are_exact_or_not_there(tables: Tables) -> None:
    draw = random.Random(3)
    wanted: dict[tuple[int, int], int] = {}
    for decimals in (0, 1, 6, 8, 18, 24, 29, 30, 31, 76, 77, 78, 254, 255):
        tables.describe(token(decimals), 1, decimals, f"T{decimals}")
        edges = [0, 1, 10**decimals, 10 ** (BOUND + decimals) - 1, 10 ** (BOUND + decimals), MOST - 1, MOST]
        edges += [draw.getrandbits(draw.randint(1, 256)) for _ in range(60)]
        for value in edges:
            if value <= MOST:
                wanted[decimals, value] = decimals
    tables.transfer((token(decimals), value) for decimals, value in wanted)
    found = tables.ask(
        "SELECT token_address, symbol, decimals, value, toString(units), units_approx, units_status "
        "FROM canonical.token_transfers_in_units"
    )
    assert len(found) == len(wanted)
    statuses = set()
    for address, symbol, decimals, value, units, approx, status in found:
        assert address == hexed(decimals)
        assert symbol == f"T{decimals}"
        with localcontext(prec=120):
            own = None if units is None else Decimal(units)
        assert (own, status) == expected(value, decimals), (value, decimals)
        exact = Fraction(value, 10**decimals)
        assert abs(Fraction(approx) - exact) <= exact * Fraction(3, 10**16), (value, decimals)
        statuses.add(status)
    assert statuses == {"exact", "more than 30 decimals", "10^37 units or more"}


def test_sums_of_the_largest_units_are_exact(tables: Tables) -> None:
    tables.describe(token(1), 1, 18)
    largest = 10 ** (BOUND + 18) - 1
    tables.transfer((token(1), largest) for _ in range(10_000))
    ((units, raw),) = tables.ask(
        "SELECT toString(sum(units)), toString(sum(value)) FROM canonical.token_transfers_in_units"
    )
    assert int(raw) == 10_000 * largest
    with localcontext(prec=120):
        assert Decimal(units) == Decimal(10_000 * largest) / 10**18


@pytest.mark.parametrize("nulls", [0, 1])
def test_nobody_guesses_what_nobody_described(tables: Tables, nulls: int) -> None:
    tables.transfer([(token(1), 5)])
    tables.count(token(1), 5)
    for view in ("token_transfers_in_units", "token_stats_in_units", "token_stats_daily_in_units"):
        found = tables.ask(
            f"SELECT symbol, name, decimals, units, units_approx, units_status FROM canonical.{view}",
            join_use_nulls=nulls,
        )
        assert found == [(None, None, None, None, None, "token not described")], view


def test_the_highest_version_holds_and_one_that_removes_takes_the_units(tables: Tables) -> None:
    units = "SELECT symbol, toString(units) FROM canonical.token_transfers_in_units"
    tables.transfer([(token(1), 1_000)])
    tables.describe(token(1), 20, 2, "NEW")
    assert tables.ask(units) == [("NEW", "10")]
    tables.describe(token(1), 10, 1, "OLD")  # told again, behind
    assert tables.ask(units) == [("NEW", "10")]
    assert tables.ask("SELECT symbol, name, decimals, written_by FROM canonical.tokens") == [
        ("NEW", "the NEW", 2, "ann@desk")
    ]
    tables.describe(token(1), 30, 2, "NEW", gone=True)
    assert tables.ask(units) == [(None, None)]
    assert tables.ask("SELECT * FROM canonical.tokens") == []
    tables.describe(token(1), 40, 3, "BACK")
    assert tables.ask(units) == [("BACK", "1")]


def test_one_address_on_two_chains_is_two_tokens(tables: Tables) -> None:
    for chain, decimals in ((ONE, 6), (TEN, 3)):
        tables.describe(token(1), 1, decimals, f"ON{chain}", chain=chain)
        tables.transfer([(token(1), 10**6)], chain=chain)
        tables.count(token(1), 10**6, chain=chain)
    for view in ("token_transfers_in_units", "token_stats_in_units", "token_stats_daily_in_units"):
        found = tables.ask(f"SELECT symbol, toString(units) FROM canonical.{view} ORDER BY chain_id")
        assert found == [("ON1", "1"), ("ON10", "1000")], view


def test_a_sum_that_did_not_fit_has_no_units(tables: Tables) -> None:
    tables.describe(token(1), 1, 6)
    tables.count(token(1), 7, overflow=True)
    tables.count(token(1), 10**6, hour=1)
    asked = "SELECT amount, toString(units), units_approx, units_status FROM canonical."
    assert tables.ask(f"{asked}token_stats_in_units ORDER BY window_start") == [
        (7, None, None, "amount of 2^256 or more"),
        (10**6, "1", 1.0, "exact"),
    ]
    assert tables.ask(f"{asked}token_stats_daily_in_units") == [
        (10**6 + 7, None, None, "amount of 2^256 or more")
    ]


def test_the_views_have_every_row_and_column_of_those_without_units(tables: Tables) -> None:
    tables.describe(token(1), 1, 6)
    tables.transfer([(token(each), each) for each in range(5)])
    tables.count(token(1), 4, hour=1)
    tables.count(token(2), 5, hour=2)
    for view in ("token_transfers", "token_stats", "token_stats_daily"):
        names = [str(row[0]) for row in tables.ask(f"DESCRIBE canonical.{view}")]
        if view == "token_transfers":
            names.remove("amount")  # the empty double, whose place the units take
        columns = ", ".join(names)
        plain = tables.ask(f"SELECT {columns} FROM canonical.{view} ORDER BY ALL")
        assert plain
        assert tables.ask(f"SELECT {columns} FROM canonical.{view}_in_units ORDER BY ALL") == plain


def test_a_days_leaders_have_what_they_moved(tables: Tables) -> None:
    tables.describe(token(1), 1, 6, "GLD")
    tables.describe(token(3), 1, 18, "LATE")
    tables.lead([token(1), token(2), token(3)], DAY.date())
    tables.count(token(1), 10**6, hour=1)
    tables.count(token(1), 2 * 10**6, hour=23)
    tables.count(token(2), 5)
    for condition in ("1", f"day = '{DAY.date()}'"):
        for nulls in (0, 1):
            found = tables.ask(
                "SELECT rank, token_address, symbol, transfer_count, amount, amount_complete, "
                f"toString(units), units_status FROM finalized.top_tokens_daily_in_units "
                f"WHERE {condition} ORDER BY rank",
                join_use_nulls=nulls,
            )
            assert found == [
                (1, hexed(1), "GLD", 9, 3 * 10**6, True, "3", "exact"),
                (2, hexed(2), None, 9, 5, True, None, "token not described"),
                (3, hexed(3), "LATE", 9, None, None, None, "no statistics of the day"),
            ]


def test_filters_reach_the_keys_through_the_join(tables: Tables) -> None:
    """A question about a block or a token reads what it read without units."""
    tables.transfer([(token(each % 50), each) for each in range(20_000)])
    tables.transfer([(token(7), 1)])
    tables.count(token(7), 1)
    tables.lead([token(7)], DAY.date())
    for view, condition in (
        ("canonical.token_transfers_in_units", "block_number = 2 AND chain_id = 1"),
        ("canonical.token_stats_in_units", f"token_address = '{hexed(7)}' AND chain_id = 1"),
        ("finalized.top_tokens_daily_in_units", f"chain_id = 1 AND day = '{DAY.date()}'"),
    ):
        rows = tables.ask(f"EXPLAIN indexes = 1 SELECT * FROM {view} WHERE {condition}")
        plan = "\n".join(str(row[0]) for row in rows)
        own = "token_transfers" if "transfers" in view else "token_stats"
        part = plan[plan.index(f"ReadFromMergeTree ({DATABASE}.{own})") :]
        primary = part[part.index("PrimaryKey") :].split("Condition: ")[1].splitlines()[0]
        assert primary != "true", (view, plan)


def test_the_screen_shows_units(tables: Tables, settings: Settings) -> None:
    tables.describe(token(1), 1, 3, "GLD")
    tables.describe(token(1), 1, 9, "ELSEWHERE", chain=TEN)
    tables.describe(token(3), 1, 3, "GONE", gone=True)
    tables.transfer([(token(1), 1_500), (token(2), 1_500), (token(3), 1_500)])
    shown = Screen(settings.clickhouse, ONE).look().transfers
    assert [each.amount for each in shown] == ["1500", "1500", "1.5 GLD"]


def test_the_page_describes_tokens_and_asks_for_units(tables: Tables) -> None:
    page = (ROOT / "docs/statistics.md").read_text("utf-8").partition("## Amounts in units")[2]
    described = read(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0], "tokens.yaml", ONE)
    now = datetime.now(UTC)
    for own, each in described.items():
        address = bytes.fromhex(own[2:])
        tables.describe(address, 1, each.decimals, each.symbol)
        tables.transfer([(address, 250_000 * 10**each.decimals), (address, 1)])
        tables.count(address, 5 * 10**each.decimals, hour=now.hour, day=now)
    tables.transfer([(token(9), 1)])
    statements = [
        each.strip()
        for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
        for each in block.split(";")
        if each.strip()
    ]
    moved, large, statuses = [tables.ask(each) for each in statements]
    assert sorted((symbol, int(units), count) for symbol, units, count in moved) == [
        ("USDC", 5, 1),
        ("WETH", 5, 1),
    ]
    assert [int(units) for *_, units in large] == [250_000]
    assert sorted(statuses) == [("exact", 4, 2), ("token not described", 1, 1)]
