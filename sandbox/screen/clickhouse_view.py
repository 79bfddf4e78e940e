"""What the screen asks ClickHouse: rows, latency, what is visible, the last transfers and states."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headwater.settings import ClickHouseSettings
from sandbox.screen.snapshot import StateView, TransferView

SECONDS = 5.0
# Twenty rows of each kind, and a row for each table.
ANSWER_BYTES = 4 << 20
SHOWN = 20
RECENT_BLOCKS = 200
NUMBERS = "/?output_format_json_quote_64bit_integers=0"

ROWS = "SELECT name, total_rows FROM system.tables WHERE database = '{db}' AND total_rows > 0 ORDER BY name"
COVERAGE = """
SELECT max(block_number) AS visible, count() AS blocks,
       quantile(0.5)(seconds) AS p50, quantile(0.99)(seconds) AS p99
FROM (
    SELECT block_number, (toUnixTimestamp64Milli(visible_at) - toUnixTimestamp64Milli(observed_at)) / 1000
        AS seconds
    FROM {db}.coverage FINAL
    WHERE chain_id = {chain_id} AND block_number >= {least} AND NOT removed AND complete
    ORDER BY block_number DESC LIMIT {recent}
)"""
# The tokens are looked up for what is shown only.
TRANSFERS = """
SELECT block_number, token_standard, t.token AS token, source, target, value, token_id, symbol, decimals
FROM (
    SELECT block_number, log_index, batch_index, token_standard, token_address_hex AS token,
           from_address_hex AS source, to_address_hex AS target, toString(value) AS value,
           toString(token_id) AS token_id
    FROM {db}.token_transfers
    WHERE chain_id = {chain_id} AND block_number >= {least} AND NOT removed
    ORDER BY block_number DESC, log_index DESC, batch_index DESC LIMIT {shown}
) AS t
ANY LEFT JOIN (
    SELECT concat('0x', lower(hex(token_address))) AS token, symbol, toNullable(decimals) AS decimals
    FROM {db}.tokens FINAL WHERE chain_id = {chain_id} AND NOT removed
) AS k ON k.token = t.token
ORDER BY block_number DESC, log_index DESC, batch_index DESC"""
# Picked by block, where the table of transactions is ordered, and then looked up by hash, where the table of
# states is: reading the newest states out of all would cost more the longer history is.
STATES = """
SELECT block_number, lower(hex(hash)) AS id, state, ifNull(toString(execution_status), '') AS execution,
       row_number() OVER (PARTITION BY state ORDER BY block_number DESC, hash) AS place
FROM (
    SELECT block_number, hash, state, execution_status
    FROM {db}.transaction_states
    WHERE chain_id = {chain_id} AND hash IN (
        SELECT hash FROM {db}.transactions
        WHERE chain_id = {chain_id} AND block_number >= {least} AND (
            removed OR block_number IN (
                SELECT toUInt64(least({visible}, max(block_number)) - arrayJoin(range(4)))
                FROM {db}.heads WHERE chain_id = {chain_id} GROUP BY tag
            )
        )
        ORDER BY block_number DESC LIMIT {a_block} BY block_number, removed
    )
    ORDER BY version DESC LIMIT 1 BY hash
)
ORDER BY place, block_number DESC LIMIT {shown}"""
ALERTS = """
SELECT lower(status) AS name, count() AS found
FROM {db}.alerts FINAL WHERE chain_id = {chain_id} GROUP BY name"""
# Attempted once and no answer yet is not a retry.
DELIVERIES = """
SELECT multiIf(state = 'PENDING' OR (state = 'ATTEMPTED' AND attempts = 1 AND not_before IS NULL), 'waiting',
               state = 'ATTEMPTED', 'retrying', lower(state)) AS name, count() AS found
FROM {db}.deliveries FINAL WHERE chain_id = {chain_id} GROUP BY name"""
VISIBLE = """
SELECT count() AS found FROM canonical.blocks WHERE chain_id = {chain_id} AND block_number = {number}"""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TablesView:
    """What one look at ClickHouse gave; empty while it does not answer or has no tables yet."""

    rows: Mapping[str, int] = field(default_factory=dict)
    visible: int | None = None
    latency_p50: float | None = None
    latency_p99: float | None = None
    transfers: tuple[TransferView, ...] = ()
    states: tuple[StateView, ...] = ()
    alerts: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)


class Tables:
    """Asks one ClickHouse over HTTP. Answers nothing rather than raise: a screen outlives a restart.

    Without `feed` the last transfers and states are left out: on a busy chain they cost more than all else.
    """

    def __init__(self, settings: ClickHouseSettings, chain_id: int, *, feed: bool = True) -> None:
        parts = urlsplit(settings.url)
        login = f"{settings.username}:{settings.password.get_secret_value()}"
        self._headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 8123
        self._values = {"db": settings.database, "chain_id": str(chain_id), "shown": str(SHOWN)}
        self._values |= {"recent": str(RECENT_BLOCKS), "a_block": str(SHOWN // 4)}
        self._feed = feed
        self._least = 0
        self._counts: dict[str, tuple[int, Mapping[str, int]]] = {}

    def look(self) -> TablesView:
        """Everything the screen shows of the tables."""
        rows = {str(row["name"]): _whole(row["total_rows"]) for row in self._ask(ROWS)}
        if not rows.get("coverage"):
            return TablesView(rows)
        coverage = next(iter(self._ask(COVERAGE)), {})
        visible = _whole(coverage["visible"]) if _whole(coverage.get("blocks", 0)) else None
        if visible is not None:
            # Enough for what is shown, whatever a fork takes back; history is not read again each time.
            self._least = max(0, visible - 2 * RECENT_BLOCKS)
        return TablesView(
            rows,
            visible,
            _seconds(coverage.get("p50")) if visible is not None else None,
            _seconds(coverage.get("p99")) if visible is not None else None,
            tuple(_transfer(row) for row in self._ask(TRANSFERS)) if self._feed else (),
            tuple(_state(row) for row in self._ask(STATES, visible=str(visible or 0))) if self._feed else (),
            self._counted("alerts", ALERTS, rows),
            self._counted("deliveries", DELIVERIES, rows),
        )

    def is_visible(self, number: int) -> bool:
        """Does the canonical view show the block of this height?"""
        found = self._ask(VISIBLE, number=str(number))
        return bool(found) and _whole(found[0]["found"]) > 0

    def _counted(self, table: str, sql: str, rows: Mapping[str, int]) -> Mapping[str, int]:
        """Asked again only where the table has changed: it is read whole."""
        size = rows.get(table, 0)
        if table not in self._counts or self._counts[table][0] != size:
            found = {str(row["name"]): _whole(row["found"]) for row in self._ask(sql)} if size else {}
            self._counts[table] = size, found
        return self._counts[table][1]

    def _ask(self, sql: str, **values: str) -> Sequence[Row]:
        statement = sql.format(**self._values, least=self._least, **values) + " FORMAT JSONCompact"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)
        try:
            connection.request("POST", NUMBERS, statement.encode(), self._headers)
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException):
            return ()
        finally:
            connection.close()
        if answer.status != 200 or len(body) > ANSWER_BYTES:
            return ()
        return _rows(body)


def _rows(body: bytes) -> Sequence[Row]:
    """Of an answer in JSONCompact; none of one that breaks off.

    ClickHouse has sent 200 and some rows by then, and appends what went wrong: a full disk, say.
    """
    try:
        decoded = json.loads(body)
    except ValueError:
        return ()
    names = [column["name"] for column in decoded["meta"]]
    return [dict(zip(names, row, strict=True)) for row in decoded["data"]]


def _whole(value: object) -> int:
    return int(str(value))


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _transfer(row: Row) -> TransferView:
    token_id = row["token_id"]
    amount = f"#{token_id}" if token_id is not None and row["value"] == "1" else str(row["value"])
    if token_id is not None and row["value"] != "1":
        amount = f"{row['value']} of #{token_id}"
    if row["decimals"] is not None:
        own = amount if token_id is not None else in_units(amount, _whole(row["decimals"]))
        amount = f"{own} {row['symbol']}".rstrip()
    return TransferView(
        _whole(row["block_number"]),
        str(row["token_standard"]),
        str(row["token"]),
        str(row["source"]),
        str(row["target"]),
        amount,
    )


def in_units(amount: str, decimals: int) -> str:
    """An amount in units, digit by digit: "1500", 3 → "1.5"."""
    if not decimals:
        return amount
    padded = amount.rjust(decimals + 1, "0")
    return f"{padded[:-decimals]}.{padded[-decimals:]}".rstrip("0").rstrip(".")


def _state(row: Row) -> StateView:
    block = row["block_number"]
    return StateView(
        None if block is None else _whole(block), f"0x{row['id']}", str(row["state"]), str(row["execution"])
    )
