"""The text of the statements of a move. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.clickhouse.visibility.heights import Heights
from connectors.clickhouse.visibility.moving.plan import Move


def among(heights: Heights) -> str:
    """A condition on block_number, 50 bytes per range."""
    return " OR ".join(f"block_number BETWEEN {each.first} AND {each.last}" for each in heights.ranges)


def copy(database: str, table: str, staging: str, columns: Sequence[str], chain_id: int, move: Move) -> str:
    """The rows that FINAL leaves and that were not taken back."""
    names = ", ".join(columns)
    first, last = move.heights.ranges[0].first, move.heights.ranges[-1].last
    return (
        f"INSERT INTO {database}.{staging} ({names}) SELECT {names} FROM {database}.{table} FINAL "
        f"WHERE chain_id = {chain_id} AND NOT removed AND block_number BETWEEN {first} AND {last} "
        f"AND ({among(move.heights)})"
    )


def hand_over(database: str, staging: str, table: str, partition: str) -> str:
    """Atomic, and finds nothing when it is repeated."""
    return f"ALTER TABLE {database}.{staging} MOVE PARTITION {partition} TO TABLE {database}.{table}"
