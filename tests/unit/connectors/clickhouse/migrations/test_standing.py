"""Ways back: an older version of Headwater on a database that a newer one has migrated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.clickhouse.migrations import runner, standing
from connectors.clickhouse.migrations.files import Migration, load, parsed
from connectors.clickhouse.migrations.runner import migrate, newer, plan
from connectors.clickhouse.migrations.template import Target, render
from headwater.errors import Fatal
from headwater.settings import Settings, load_settings

LAST = load("ethereum")[-1].version
EXPAND = parsed(
    LAST + 1, "wider", "", "-- A column more.\nALTER TABLE {{table:heads}} ADD COLUMN IF NOT EXISTS x;"
)
CONTRACT = parsed(
    LAST + 2,
    "narrower",
    "",
    f"-- contract: {LAST + 1:04}\nALTER TABLE {{{{table:heads}}}} DROP COLUMN IF EXISTS y;",
)


class Server:
    """Knows which tables there are, and keeps the rows that are inserted, the latest of a key."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.rows: dict[str, list[dict[str, object]]] = {}
        self.done: list[str] = []

    def command(self, cmd: str, settings: Mapping[str, object] | None = None) -> None:
        self.tables |= set(re.findall(r"CREATE TABLE IF NOT EXISTS headwater\.(\w+)", cmd))
        self.done.append(cmd)

    def insert(
        self, table: str, data: Sequence[Sequence[object]], *, column_names: Sequence[str], **_: object
    ) -> None:
        assert table in self.tables
        self.rows.setdefault(table, []).extend(dict(zip(column_names, row, strict=True)) for row in data)
        self.done.append(f"row of {table}")

    def query(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        if "system.tables" in query:
            return SimpleNamespace(result_rows=[[0]] if (parameters or {})["name"] in self.tables else [])
        found = re.match(r"SELECT (.+) FROM headwater\.(\w+)", query)
        assert found is not None
        rows = self.rows.get(found[2], [])
        return SimpleNamespace(result_rows=[[row[each] for each in found[1].split(", ")] for row in rows])


def settings(chain: str = "ethereum") -> Settings:
    return load_settings({"chain": {"name": chain}}, environ={})


def version(monkeypatch: pytest.MonkeyPatch, *, of: int, more: Sequence[Migration] = ()) -> None:
    """From here on the code is the version whose own files end with number `of`, and `more`."""

    def carried(chain: str | None) -> tuple[Migration, ...]:
        return (*(each for each in load(chain) if each.version <= of), *more)

    for module in (runner, standing):
        monkeypatch.setattr(module, "load", carried)


def test_the_version_before_finds_nothing_to_do_and_says_what_is_newer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: Any = Server()
    version(monkeypatch, of=LAST, more=[EXPAND])
    assert EXPAND in [step.migration for step in migrate(server, settings(), 1)]
    assert newer(server, settings()) == ()
    version(monkeypatch, of=LAST)
    assert plan(server, settings(), 1) == migrate(server, settings(), 1) == ()
    assert newer(server, settings()) == (f"{LAST + 1:04} wider",)


def test_another_chain_is_added_by_the_version_before(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = Server()
    version(monkeypatch, of=LAST, more=[EXPAND])
    migrate(server, settings(), 1)
    version(monkeypatch, of=LAST)
    assert {step.migration.scope for step in migrate(server, settings("base"), 8453)} == {"base"}


def test_what_took_something_away_is_refused_by_who_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = Server()
    version(monkeypatch, of=LAST, more=[EXPAND, CONTRACT])
    migrate(server, settings(), 1)
    version(monkeypatch, of=LAST, more=[EXPAND])
    assert plan(server, settings(), 1) == ()
    standing.require_usable(server, "headwater", "ethereum")
    version(monkeypatch, of=LAST)
    for refused in (
        lambda: plan(server, settings(), 1),
        lambda: migrate(server, settings(), 1),
        lambda: standing.require_usable(server, "headwater", "ethereum"),
    ):
        with pytest.raises(
            Fatal, match=f"migration {LAST + 2:04} took away.*migration {LAST + 1:04}"
        ) as caught:
            refused()
        assert "newer version" in str(caught.value.remedy)


def test_a_chains_own_mark_is_nothing_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = Server()
    own = parsed(LAST + 1, "own", "ethereum", f"-- scope: chain\n-- contract: {LAST + 1:04}\n")
    version(monkeypatch, of=LAST, more=[own])
    migrate(server, settings(), 1)
    version(monkeypatch, of=LAST)
    standing.require_usable(server, "headwater", "base")
    with pytest.raises(Fatal):
        standing.require_usable(server, "headwater", "ethereum")


def test_the_mark_is_there_before_anything_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = Server()
    version(monkeypatch, of=LAST, more=[EXPAND, CONTRACT])
    migrate(server, settings(), 1)
    (dropped,) = (place for place, each in enumerate(server.done) if "DROP COLUMN" in each)
    assert server.done[dropped - 1 : dropped + 2 : 2] == [
        "row of schema_contracts",
        "row of schema_migrations",
    ]


def test_a_database_without_marks_is_any_versions() -> None:
    server: Any = Server()
    standing.require_usable(server, "headwater", "ethereum")


@pytest.mark.parametrize(
    ("head", "oldest"),
    [
        ("-- contract: 0016\n", 16),
        ("-- scope: chain\n-- contract: 0016\n", 16),
        ("-- Why.\n-- contract: 0016\n\nSELECT 1;", 16),
        ("SELECT 1;\n-- contract: 0016\n", 0),
        ("-- a contract: 0016\n", 0),
    ],
    ids=["first", "per-chain", "last-of-head", "of-a-statement", "prose"],
)
def test_the_mark_stands_in_the_comment_at_the_beginning(head: str, oldest: int) -> None:
    assert parsed(16, "x", "", head).oldest == oldest


def test_who_takes_something_away_says_so() -> None:
    """Views are made again by the file that drops them; a table's columns and rows are not."""
    takes = re.compile(r"DROP (TABLE|COLUMN)|RENAME|MODIFY COLUMN|TRUNCATE|DETACH|CLEAR COLUMN")
    target = Target("headwater", "", {"chain_id": "1", "etl_db": "ethereum_etl"})
    found = {
        each.version
        for each in load("ethereum")
        if not each.oldest and any(takes.search(statement) for statement in render(each.sql, target))
    }
    # 0006 empties what it moves to another table; the versions that read it were never released.
    assert found == {6}
    assert all(each.oldest <= each.version for each in load("ethereum"))
