"""The statistics of an instance are what ClickHouse counts itself over its canonical rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

_WINDOW: Final = "intDiv(toUnixTimestamp(block_timestamp), {seconds}) * {seconds} AS w"
_OWN: Final = "toUnixTimestamp(window_start) AS w"
_SUMS: Final = {
    "chain_stats": (
        "count(), sum(transaction_count), sum(gas_used), sum(ifNull(base_fee_per_gas, 0) * gas_used), "
        "sum(log_count), sum(token_transfer_count), sum(contract_count), min(base_fee_per_gas), "
        "max(base_fee_per_gas), intDiv(sum(base_fee_per_gas), count(base_fee_per_gas)) "
        "FROM canonical.blocks GROUP BY w",
        "block_count, transaction_count, gas_used, burnt_fees, log_count, token_transfer_count, "
        "contract_count, base_fee_min, base_fee_max, base_fee_avg FROM canonical.chain_stats",
    ),
    "chain_stats, from transactions": (
        "count(), countIf(receipt_status = 0), sum(receipt_gas_used * receipt_effective_gas_price), "
        "sum(ifNull(receipt_blob_gas_used, 0)) FROM canonical.transactions GROUP BY w",
        "transaction_count, failed_transaction_count, fees, blob_gas_used FROM canonical.chain_stats",
    ),
    "token_stats": (
        "token_address, count(), sum(value), countIf(from_address = '0x' || repeat('0', 40)), "
        "countIf(to_address = '0x' || repeat('0', 40)) FROM canonical.token_transfers "
        "GROUP BY w, token_address",
        "token_address, transfer_count, amount, mint_count, burn_count FROM canonical.token_stats",
    ),
    "contract_stats, logs": (
        "address, count() FROM canonical.logs GROUP BY w, address",
        "address, log_count FROM canonical.contract_stats",
    ),
    "contract_stats, calls": (
        "to_address, count(), countIf(receipt_status = 0), sum(receipt_gas_used) FROM canonical.transactions "
        "WHERE input != '0x' AND to_address IS NOT NULL GROUP BY w, to_address",
        "address, call_count, failed_call_count, gas_used FROM canonical.contract_stats",
    ),
}
_ONLY: Final = {
    "chain_stats, from transactions": "AND transaction_count > 0",
    "contract_stats, logs": "AND log_count > 0",
    "contract_stats, calls": "AND call_count > 0",
}


class Line(Protocol):
    """What the check needs of an instance."""

    def sql(self, query: str) -> list[Any]: ...
    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = ...) -> object: ...


def check_statistics(line: Line, seconds: float = 60) -> None:
    """Every sum of every window. All windows must be closed: the last snapshots of an open one may wait."""
    for name in _SUMS:
        for window in (60, 3_600):
            same = partial(_same, line, name, window)
            line.wait_until(same, f"{name} of {window} s", seconds)
    counted = line.sql("SELECT count(), countIf(final), countIf(NOT complete) FROM canonical.chain_stats")
    assert int(counted[0][0]) >= 4, counted


def _same(line: Line, name: str, seconds: int) -> bool:
    theirs, ours = _SUMS[name]
    only = _ONLY.get(name, "")
    expected = _rows(line, f"SELECT {_WINDOW.format(seconds=seconds)}, {theirs}")
    found = _rows(line, f"SELECT {_OWN}, {ours} WHERE window_seconds = {seconds} {only}")
    return bool(expected) and expected == found


def _rows(line: Line, query: str) -> list[object]:
    """Rows as ClickHouse writes them: numbers of 256 bits do not survive JSON."""
    return line.sql(f"SELECT toString(tuple(*)) AS row FROM ({query}) ORDER BY row")
