"""A history of real blocks in the tables, as long as is asked for.

The 23 recorded blocks go in once as the sink writes them; SQL then repeats them with other heights, times,
hashes and event ids (addresses, topics, calldata and amounts stay). All but the newest blocks are settled, as
the settler does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from bench.blocks import COUNT, FIRST
from bench.public_messages import published
from connectors.clickhouse.client import Client, insert_settings
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.sink.table import RawClient, open_table
from connectors.clickhouse.visibility.moving.attempts import TABLES as MOVED_TABLES
from connectors.clickhouse.visibility.moving.mover import Mover
from connectors.clickhouse.visibility.moving.plan import Limits
from connectors.clickhouse.visibility.settler import Settler
from headwater.settings import Settings
from schemas import codec_for, frame

# Blocks at the tip that coverage shows.
UNSETTLED: Final = 60
TABLES: Final = ("blocks", "transactions", "logs", "token_transfers", "contracts")
# Repetitions in one INSERT: it holds as many rows in memory.
_CHUNK: Final = 40
_SECONDS: Final = 12 * COUNT


@dataclass(frozen=True, slots=True)
class History:
    """`loops` times the 23 blocks. `holes` blocks are not whole, at `orphans` heights one was orphaned."""

    loops: int
    holes: int = 0
    orphans: int = 0

    @property
    def blocks(self) -> int:
        """Heights, from `FIRST` on."""
        return self.loops * COUNT


def load_recorded(client: Client, database: str, folder: Path) -> None:
    """Put the recorded blocks into the tables of a migrated database."""
    streams = {route.stream: route.table for route in ROUTES}
    values: dict[str, list[bytes]] = {}
    for block in published(folder, lambda _: frame(1)):
        for messages in block.messages:
            values.setdefault(messages.stream, []).extend(value for value in messages.values if value)
    for stream, framed in values.items():
        codec = codec_for(stream)
        table = open_table(cast(RawClient, client), database, streams[stream], codec.names)
        table.write(codec.columns(framed))


def repeat(client: Client, settings: Settings, recorded: str, history: History) -> None:
    """Migrate a database and fill it from the recorded blocks in database `recorded`."""
    migrate(client, settings, 1)
    database = settings.clickhouse.database
    for table in TABLES:
        columns = [
            str(name)
            for name, kind in client.query(
                "SELECT name, default_kind FROM system.columns "
                f"WHERE database = '{recorded}' AND table = '{table}' ORDER BY position"
            ).result_rows
            if not kind
        ]
        for start in range(0, history.loops, _CHUNK):
            loops = f"range({start}, {min(start + _CHUNK, history.loops)})"
            _insert(client, database, recorded, table, columns, loops, orphaned="")
            if history.orphans:
                _insert(
                    client,
                    database,
                    recorded,
                    table,
                    columns,
                    loops,
                    orphaned=_spread(history, history.orphans),
                )
    _cover(client, database, recorded, history)


def settle(client: Client, database: str, history: History) -> None:
    """Settle everything but the newest blocks. Raises RuntimeError when something stays behind."""
    final = FIRST + history.blocks - UNSETTLED - 1
    client.command(
        f"INSERT INTO {database}.transaction_states "
        "(chain_id, hash, state, version, sequence, block_number, block_hash) "
        f"SELECT chain_id, block_hash, 'FINALIZED', 1, {3 * final}, block_number, block_hash "
        f"FROM {database}.coverage WHERE block_number = {final} AND NOT removed",
        settings=insert_settings(client),
    )
    settler = Settler(client, database, 1, dict)
    settler.tick()
    while settler.tick() is not None:
        pass
    # What was settled is deleted a step later, some of it at a time.
    for _ in range(4):
        settler.tick()
    whole = history.blocks - UNSETTLED - _count(client, f"{database}.coverage FINAL WHERE NOT complete")
    if len(settler.settled().ranges) < whole:
        raise RuntimeError(f"{len(settler.settled().ranges)} of {whole} blocks are settled")


def move(client: Client, database: str) -> None:
    """Move everything that is settled, as the sink does beside its inserts, and let the rest be deleted."""
    mover = Mover(client, database, 1, Limits(kept=0, step=1))
    mover.tick()
    while mover.tick() is not None:
        pass
    mover.tick()


def merge(client: Client, database: str) -> None:
    """Leave each partition in one part, as merges do in time."""
    tables = (
        *TABLES,
        *(f"settled_{table}" for table in MOVED_TABLES),
        "token_transfers_by_address",
        "coverage",
        "coverage_unsettled",
        "settled_lookup",
        "settled_ranges",
    )
    for table in tables:
        client.command(f"OPTIMIZE TABLE {database}.{table} FINAL")


def _insert(
    client: Client, database: str, recorded: str, table: str, columns: list[str], loops: str, orphaned: str
) -> None:
    salt = "10000000" if orphaned else "0"
    values = {
        "block_number": f"block_number + {COUNT} * loop",
        "block_timestamp": f"block_timestamp + toIntervalSecond({_SECONDS} * loop)",
        "sequence": f"2 * (block_number + {COUNT} * loop)" + (" - 1" if orphaned else ""),
        "removed": "true" if orphaned else "false",
        "event_id": f"reinterpret(sipHash128(event_id, loop + {salt}), 'FixedString(16)')",
        **{name: _hash(name, salt) for name in ("block_hash", "hash", "transaction_hash")},
    }
    where = f"WHERE {orphaned}" if orphaned else ""
    names = ", ".join(columns)
    client.command(
        f"INSERT INTO {database}.{table} ({names}) "
        f"SELECT {', '.join(values.get(name, name) for name in columns)} "
        f"FROM (SELECT {names} FROM {recorded}.{table} FINAL WHERE block_number < {FIRST + COUNT}) "
        f"ARRAY JOIN {loops} AS loop {where}",
        settings={**insert_settings(client), "max_threads": 1},
    )


def _cover(client: Client, database: str, recorded: str, history: History) -> None:
    before = _hash("last", "0", "loop - 1")
    incomplete = _spread(history, history.holes) if history.holes else "false"
    for orphaned in (False, True) if history.orphans else (False,):
        digest = _hash("block_hash", "10000000" if orphaned else "0")
        where = f"WHERE {_spread(history, history.orphans)}" if orphaned else ""
        client.command(
            f"INSERT INTO {database}.coverage "
            "(chain_id, block_number, block_hash, parent_hash, sequence, removed, complete) "
            f"WITH (SELECT any(block_hash) FROM {recorded}.blocks "
            f"WHERE block_number = {FIRST + COUNT - 1}) AS last "
            f"SELECT 1, block_number + {COUNT} * loop, {digest}, "
            f"if(block_number = {FIRST}, {before}, {_hash('parent_hash', '0')}), "
            f"2 * (block_number + {COUNT} * loop) - {int(orphaned)}, {str(orphaned).lower()}, "
            f"NOT ({'false' if orphaned else incomplete}) "
            f"FROM {recorded}.blocks FINAL ARRAY JOIN range({history.loops}) AS loop {where}",
            settings=insert_settings(client),
        )


def _hash(column: str, salt: str, loop: str = "loop") -> str:
    """The hash that a hash has in a repetition."""
    mixed = f"reinterpret(sipHash64({column}, toUInt64({loop} + {salt})), 'FixedString(8)')"
    return f"toFixedString(concat({mixed}, substring({column}, 9)), 32)"


def _spread(history: History, count: int) -> str:
    """A condition that holds for about `count` of the settled heights, evenly spread."""
    height = f"(block_number + {COUNT} * loop - {FIRST})"
    settled = history.blocks - UNSETTLED
    steps = f"intDiv({height} * {count}, {settled}) != intDiv(({height} + 1) * {count}, {settled})"
    return f"{height} < {settled} AND {steps}"


def _count(client: Client, of: str) -> int:
    return int(str(client.query(f"SELECT count() FROM {of}").result_rows[0][0]))
