"""The id of the deployment's chain, as far as ClickHouse knows it."""

from __future__ import annotations

from functools import partial
from typing import cast

from connectors.clickhouse.client import Client
from headwater.settings import Settings, chain_id_of


def chain_id_from_tables(client: Client, settings: Settings) -> int | None:
    """As set, else as `migrate` left it in etl_databases, else as the name is usually meant, else None.

    Raises ClickHouseError.
    """
    chain = settings.chain
    return chain_id_of(chain.chain_id, chain.name, partial(_assigned, client, settings))


def _assigned(client: Client, settings: Settings) -> int | None:
    rows = client.query(
        f"SELECT chain_id FROM {settings.clickhouse.database}.etl_databases WHERE chain = {{chain:String}} "
        "ORDER BY assigned_at DESC LIMIT 1",
        parameters={"chain": settings.chain.name},
    ).result_rows
    return int(cast(int, rows[0][0])) if rows else None
