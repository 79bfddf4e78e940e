"""Which chain is settled and moved, where the settings may not say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from connectors.clickhouse.client import Client
from connectors.clickhouse.visibility.chain_id import chain_id_from_tables
from headwater.settings import load_settings


@dataclass
class Assigned:
    """A client whose etl_databases has one chain, or none."""

    result_rows: Sequence[Sequence[object]]
    asked: list[object] = field(default_factory=list)

    def query(self, query: str, parameters: Mapping[str, object]) -> Assigned:
        assert "headwater.etl_databases" in query
        self.asked.append(parameters["chain"])
        return self


@pytest.mark.parametrize(
    ("chain", "rows", "expected", "asked"),
    [
        ({"name": "own", "chain_id": 7}, [[8]], 7, []),
        ({"name": "own"}, [[8]], 8, ["own"]),
        ({"name": "ethereum"}, [[8]], 8, ["ethereum"]),
        ({"name": "ethereum"}, [], 1, ["ethereum"]),
        ({"name": "own"}, [], None, ["own"]),
    ],
    ids=["set", "assigned", "assigned before its name", "usual name", "unknown"],
)
def test_settings_come_before_tables_and_tables_before_the_name(
    chain: dict[str, object], rows: list[list[object]], expected: int | None, asked: list[object]
) -> None:
    client = Assigned(rows)
    settings = load_settings({"chain": chain}, environ={})
    assert (chain_id_from_tables(cast(Client, client), settings), client.asked) == (expected, asked)
