"""Room on the server's disks, asked for before a mutation.

A server whose disk is full may acknowledge a mutation (`ALTER TABLE … DELETE`), leave the file that describes
it empty, and not start any more (ClickHouse issues 41409 and 44232). What a mutation deletes can wait.
"""

from __future__ import annotations

from typing import Final

from connectors.clickhouse.client import Client
from headwater.errors import Transient

# A mutation's file takes kilobytes; the rest is for what others write meanwhile.
LEAST_BYTES: Final = 64 << 20


def require_room(client: Client, database: str) -> None:
    """Return when each disk that the database's tables are on has `LEAST_BYTES` free.

    It speaks for the server that answers; the others of a cluster have disks of their own. Raises Transient
    where one has less, and what the client raises.
    """
    rows = client.query(
        "SELECT name, free_space FROM system.disks WHERE free_space < {least:UInt64} AND name IN "
        "(SELECT disk_name FROM system.parts WHERE active AND database = {database:String})",
        {"least": LEAST_BYTES, "database": database},
    ).result_rows
    if rows:
        full = ", ".join(f"disk {name} has {free} bytes left" for name, free in rows)
        raise Transient(f"ClickHouse's {full}: nothing is deleted meanwhile", remedy="make room there")
