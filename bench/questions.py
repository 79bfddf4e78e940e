"""The questions that people ask of the canonical views, and what each may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connectors.clickhouse.client import Client

_LAST: Final = "ORDER BY block_number DESC, log_index DESC LIMIT 100"
_DAY: Final = "block_timestamp >= '{from}' AND block_timestamp < '{to}'"
_HOURLY: Final = (
    "SELECT toStartOfHour(block_timestamp) AS hour, sum(value), count() FROM {token_transfers} "
    "WHERE token_address = {token} AND " + _DAY + " GROUP BY hour ORDER BY hour"
)
_HOLDERS: Final = (
    "SELECT holder, sum(moved) AS balance FROM ("
    "SELECT to_address AS holder, toInt256(value) AS moved "
    "FROM {token_transfers} WHERE token_address = {token} UNION ALL "
    "SELECT from_address AS holder, -toInt256(value) AS moved "
    "FROM {token_transfers} WHERE token_address = {token}"
    ") GROUP BY holder ORDER BY balance DESC, holder LIMIT 20"
)
_GAS: Final = (
    "SELECT to_address, sum(receipt_gas_used) AS gas FROM {transactions} GROUP BY to_address "
    "ORDER BY gas DESC, to_address LIMIT 20"
)
_LOGS: Final = "SELECT address, count() AS n FROM {logs} GROUP BY address ORDER BY n DESC, address LIMIT 20"
_TABLES: Final = ("blocks", "transactions", "logs", "token_transfers", "token_transfers_by_address")


@dataclass(frozen=True, slots=True)
class Question:
    """A query of canonical views; `{table}` stands for a view or table, and values as `subjects` has them.

    At most `target` milliseconds are asked for, or `times` what the bare table takes.
    """

    name: str
    sql: str
    target: float | None = None
    times: float | None = None

    def of_views(self, database: str, about: Mapping[str, str]) -> str:
        """As people ask it: of the canonical views of a database, values as hex text."""
        values = {name: f"'{value}'" if value.startswith("0x") else value for name, value in about.items()}
        return self.sql.format(**values, **{table: f"{database}_canonical.{table}" for table in _TABLES})

    def of_tables(self, database: str, about: Mapping[str, str]) -> str:
        """The same of the bare tables, values as bytes."""
        values = {
            name: f"unhex('{value[2:]}')" if value.startswith("0x") else value
            for name, value in about.items()
        }
        return self.sql.format(**values, **{table: f"{database}.{table}" for table in _TABLES})


QUESTIONS: Final = (
    Question("a transaction by hash", "SELECT * FROM {transactions} WHERE hash = {transaction}", target=20),
    Question(
        "logs of a transaction", "SELECT * FROM {logs} WHERE transaction_hash = {transaction}", target=30
    ),
    Question(
        "transfers of a transaction",
        "SELECT * FROM {token_transfers} WHERE transaction_hash = {transaction}",
        target=30,
    ),
    Question(
        "an address's last 100 transfers, from or to",
        "SELECT * FROM {token_transfers} WHERE from_address = {address} OR to_address = {address} " + _LAST,
        target=50,
    ),
    Question(
        "an address's last 100 transfers, by_address",
        "SELECT * FROM {token_transfers_by_address} WHERE address = {address} " + _LAST,
        target=50,
    ),
    Question("a token's hourly volume over a day", _HOURLY, target=100),
    Question("a token's top holders", _HOLDERS, target=1_000),
    Question("gas by contract", _GAS, times=2),
    Question("logs by contract", _LOGS, times=2),
    Question("sum of all transfers", "SELECT sum(amount) FROM {token_transfers}", times=2),
    Question("a block by number", "SELECT * FROM {blocks} WHERE block_number = {height}"),
)


def subjects(client: Client, database: str) -> dict[str, str]:
    """What the questions are about, from the middle of the history.

    A transaction with some transfers, an address with some a loop, the token that moves most, and a day.
    """
    canonical = f"{database}_canonical"

    def first(query: str) -> tuple[str, ...]:
        return tuple(str(value) for value in client.query(query).result_rows[0])

    (middle,) = first(f"SELECT intDiv(min(block_number) + max(block_number), 2) FROM {canonical}.blocks")
    within = f"block_number BETWEEN {middle} AND {middle} + 22"
    transaction, height = first(
        f"SELECT transaction_hash, block_number FROM {canonical}.token_transfers WHERE {within} "
        "GROUP BY ALL HAVING count() BETWEEN 4 AND 8 ORDER BY transaction_hash LIMIT 1"
    )
    (address,) = first(
        f"SELECT address FROM {canonical}.token_transfers_by_address WHERE {within} "
        "GROUP BY address HAVING count() BETWEEN 3 AND 6 ORDER BY sipHash64(address) LIMIT 1"
    )
    (token,) = first(
        f"SELECT token_address FROM {canonical}.token_transfers WHERE token_standard = 'ERC20' AND {within} "
        "GROUP BY token_address ORDER BY count() DESC LIMIT 1"
    )
    start, end = first(
        "SELECT toString(toStartOfHour(block_timestamp)), "
        "toString(toStartOfHour(block_timestamp) + INTERVAL 1 DAY) "
        f"FROM {canonical}.blocks WHERE block_number = {middle}"
    )
    return {
        "transaction": transaction,
        "height": height,
        "address": address,
        "token": token,
        "from": start,
        "to": end,
    }
