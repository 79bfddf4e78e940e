"""What ClickHouse has of blocks and of windows. All methods raise clickhouse-connect's ClickHouseError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.template import view_database
from streams.logic.aggregate.measures import CHAIN, CONTRACT, TOKEN, Entity
from streams.logic.aggregate.rebuild import Seen
from streams.logic.aggregate.windows import HOUR, WindowKey

_QUOTED: Final = {"output_format_json_quote_64bit_integers": 1}
_VIEWS: Final = {CHAIN: "chain_stats", TOKEN: "token_stats", CONTRACT: "contract_stats"}
ADDRESSES: Final = {TOKEN: "token_address", CONTRACT: "address"}
_AT: Final = "toUnixTimestamp64Milli(t.window_start) AS at"


@dataclass(frozen=True, slots=True)
class Standing:
    """A snapshot as the view shows it; `values` are its own fields as text, None where one is null."""

    sequence: int
    right: bool
    values: Mapping[str, str | None]


class Tables:
    """The tables and views of one chain."""

    def __init__(self, client: Client, database: str, chain_id: int) -> None:
        self._client, self._database, self._chain_id = client, database, chain_id
        self._views = view_database("canonical", database)

    def times(self, first: int | None, last: int | None) -> tuple[int, int] | None:
        """The times of the first and the last block of some heights, milliseconds; None without one."""
        rows = self._rows(
            "SELECT minOrNull(toUnixTimestamp64Milli(t.block_timestamp)) AS first, "
            "maxOrNull(toUnixTimestamp64Milli(t.block_timestamp)) AS last "
            f"FROM {self._database}.coverage AS t FINAL WHERE t.chain_id = {{chain_id:UInt64}} "
            "AND NOT t.removed AND t.block_number BETWEEN {first:UInt64} AND {last:UInt64}",
            {"first": first or 0, "last": 2**63 if last is None else last},
        )
        return None if rows[0]["first"] is None else (int(rows[0]["first"]), int(rows[0]["last"]))

    def blocks(self, hour: int) -> list[Seen]:
        """The blocks of an hour of block time, with the one before and the one behind it; one per height."""
        edges = self._rows(
            "SELECT maxOrNullIf(t.block_number, t.block_timestamp < fromUnixTimestamp64Milli({start:Int64})) "
            "AS before, minOrNullIf(t.block_number, t.block_timestamp >= "
            "fromUnixTimestamp64Milli({end:Int64})) AS behind "
            f"FROM {self._database}.coverage AS t FINAL "
            "WHERE t.chain_id = {chain_id:UInt64} AND NOT t.removed",
            {"start": hour, "end": hour + HOUR},
        )[0]
        rows = self._rows(
            "SELECT t.block_number AS number, hex(t.block_hash) AS hash, hex(t.parent_hash) AS parent, "
            "toUnixTimestamp64Milli(t.block_timestamp) AS at, t.complete AS complete "
            f"FROM {self._database}.coverage AS t FINAL WHERE t.chain_id = {{chain_id:UInt64}} "
            "AND NOT t.removed AND t.block_number BETWEEN {first:UInt64} AND {last:UInt64} "
            "ORDER BY number, t.sequence",
            {"first": edges["before"] or 0, "last": edges["behind"] or 2**63},
        )
        found = {
            int(row["number"]): Seen(
                int(row["number"]),
                bytes.fromhex(row["hash"]),
                bytes.fromhex(row["parent"]),
                int(row["at"]),
                bool(row["complete"]),
            )
            for row in rows
        }
        return list(found.values())

    def incomplete(self) -> set[WindowKey]:
        """The windows of which the views say that they lack something."""
        rows = self._rows(
            f"SELECT t.window_seconds AS seconds, {_AT} FROM {self._views}.chain_stats AS t "
            "WHERE t.chain_id = {chain_id:UInt64} AND NOT t.complete "
            f"UNION DISTINCT SELECT t.window_seconds AS seconds, {_AT} "
            f"FROM {self._views}.incomplete_windows AS t WHERE t.chain_id = {{chain_id:UInt64}}"
        )
        return {(int(row["seconds"]) * 1_000, int(row["at"])) for row in rows}

    def standing(self, hour: int) -> dict[WindowKey, dict[Entity, Standing]]:
        """The snapshots of the windows of an hour, window by window."""
        found: dict[WindowKey, dict[Entity, Standing]] = {}
        for kind, view in _VIEWS.items():
            for row in self._rows(
                f"SELECT *, {_AT} FROM {self._views}.{view} AS t WHERE t.chain_id = {{chain_id:UInt64}} "
                "AND t.window_start >= fromUnixTimestamp64Milli({start:Int64}) "
                "AND t.window_start < fromUnixTimestamp64Milli({end:Int64})",
                {"start": hour, "end": hour + HOUR},
            ):
                window = int(row["window_seconds"]) * 1_000, int(row["at"])
                entity = kind + bytes.fromhex(row[ADDRESSES[kind]][2:]) if kind else CHAIN
                values = {name: texts(value) for name, value in row.items()}
                right = bool(row["complete"]) and bool(row["final"])
                found.setdefault(window, {})[entity] = Standing(int(row["sequence"]), right, values)
        return found

    def _rows(self, query: str, values: Mapping[str, object] | None = None) -> Sequence[dict[str, Any]]:
        parameters = {"chain_id": self._chain_id, **(values or {})}
        answer = self._client.raw_query(query, parameters, fmt="JSONEachRow", settings=_QUOTED)
        return [orjson.loads(line) for line in answer.splitlines()]


def texts(value: object) -> str | None:
    """A field so that the view's and the message's can be compared: integers, addresses, booleans."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return None if value is None else str(value)
