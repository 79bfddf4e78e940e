"""The statements about what is settled: bounded in length, on a cluster run where rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from connectors.clickhouse.client import Client
from connectors.clickhouse.visibility.heights import Heights, Range
from connectors.clickhouse.visibility.store import Settled, SettledStore

# ClickHouse's default of max_query_size, bytes.
MAX_QUERY_SIZE = 262_144

Rows = Sequence[Sequence[object]]


@dataclass
class Answer:
    result_rows: Rows


@dataclass
class Recorder:
    """A client that answers queries by the table they read and remembers statements."""

    answers: Mapping[str, Rows] = field(default_factory=dict)
    statements: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    inserted: dict[str, Rows] = field(default_factory=dict)

    def query(self, query: str, parameters: Mapping[str, object]) -> Answer:
        rows = next((rows for table, rows in self.answers.items() if f".{table}" in query), [])
        return Answer([row[: query.partition(" FROM ")[0].count(",") + 1] for row in rows])

    def command(self, cmd: str, settings: Mapping[str, object]) -> None:
        self.statements.append((cmd, settings))

    def insert(
        self,
        table: str,
        data: Rows,
        column_names: Sequence[str],
        database: str,
        settings: Mapping[str, object],
    ) -> None:
        assert settings["distributed_foreground_insert"] == 1
        self.inserted[table] = data


def scattered(count: int) -> list[int]:
    return list(range(20_000_000, 20_000_000 + 2 * count, 2))


def store(client: Recorder, cluster: str = "") -> SettledStore:
    return SettledStore(cast(Client, client), "headwater", 1, cluster)


def test_deleting_runs_on_the_tables_that_hold_rows() -> None:
    settled = Settled(Heights([Range(1, 9)]), {4: 90}, 70)
    for cluster, table in (
        ("", "headwater.coverage_unsettled"),
        ("main", "headwater.coverage_unsettled_local ON CLUSTER 'main'"),
    ):
        client = Recorder({"coverage_unsettled": [(number, 1) for number in range(1, 12)]})
        store(client, cluster).trim(settled, 8)
        assert client.statements == [
            (
                f"ALTER TABLE {table} DELETE WHERE chain_id = 1 AND sequence <= 70 "
                "AND (block_number BETWEEN 1 AND 3 OR block_number BETWEEN 5 AND 9)",
                {"mutations_sync": 1},
            )
        ]


def test_nothing_is_deleted_for_a_few_rows() -> None:
    client = Recorder({"coverage_unsettled": [(number, 1) for number in range(1, 12)]})
    store(client).trim(Settled(Heights([Range(1, 9)])), 10)
    assert client.statements == []


def test_no_statement_grows_with_what_is_missing() -> None:
    numbers = scattered(30_000)
    client = Recorder(
        {
            "coverage_unsettled": [(number, 1) for number in numbers],
            "finalized_blocks": [(30_000_000,)],
        }
    )
    settled = Settled(Heights(Range(number, number) for number in numbers), {}, 70)
    act: list[Callable[[], object]] = [
        lambda: store(client).trim(settled, 1),
        lambda: store(client).unsettle(dict.fromkeys(numbers, 80)),
        lambda: store(client).settle(Settled(), numbers, 90),
    ]
    for each in act:
        each()
    assert max(len(statement) for statement, _ in client.statements) < MAX_QUERY_SIZE / 2
    assert len(client.inserted["settled_ranges"]) == len(client.inserted["settled_exceptions"]) == 30_000


def test_retractions_that_the_settled_knows_or_that_nothing_final_reaches_are_no_exceptions() -> None:
    client = Recorder({"finalized_blocks": [(100,)], "settled_lookup": [(50, 70)]})
    store(client).unsettle({9: 70, 10: 71, 101: 71})
    assert client.inserted == {"settled_exceptions": [(1, 10, True, 71)]}


def test_coverage_is_back_before_a_height_is_an_exception() -> None:
    order: list[str] = []

    class Ordered(Recorder):
        def command(self, cmd: str, settings: Mapping[str, object]) -> None:
            order.append(cmd.split(" (")[0])

        def insert(self, table: str, *args: object, **kwargs: object) -> None:
            order.append(table)

    store(Ordered({"finalized_blocks": [(100,)]})).unsettle({9: 70})
    assert order == ["INSERT INTO headwater.coverage_unsettled", "settled_exceptions"]
