"""A normalised block as ethereum-etl's streaming rows: the mapping of names and types, nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def text(value: bytes | None) -> str | None:
    return None if value is None else f"0x{value.hex()}"


def number(value: str | None) -> int | None:
    return None if value is None else int(value)


def blocks(event: Row) -> list[Row]:
    header = event["header"]
    row = {
        "type": "block",
        "number": event["block_number"],
        "hash": text(event["block_hash"]),
        "timestamp": event["block_timestamp"] // 1000,
        "item_id": f"block_{text(event['block_hash'])}",
        "item_timestamp": _time(event),
        "withdrawals": [
            {name: text(value) if name == "address" else value for name, value in each.items()}
            for each in header["withdrawals"] or ()
        ],
    }
    for name in [
        "parent_hash",
        "nonce",
        "sha3_uncles",
        "logs_bloom",
        "transactions_root",
        "state_root",
        "receipts_root",
        "miner",
        "extra_data",
        "withdrawals_root",
    ]:
        row[name] = text(header[name])
    for name in ("difficulty", "total_difficulty", "base_fee_per_gas"):
        row[name] = number(header[name])
    for name in ("size", "gas_limit", "gas_used", "transaction_count"):
        row[name] = header[name]
    return [row]


def transactions(event: Row) -> list[Row]:
    return [
        {
            "type": "transaction",
            "block_timestamp": event["block_timestamp"] // 1000,
            "block_number": event["block_number"],
            "block_hash": text(event["block_hash"]),
            "item_id": f"transaction_{text(each['hash'])}",
            "item_timestamp": _time(event),
            **{name: text(each[name]) for name in ("hash", "from_address", "to_address", "input")},
            **{
                name: number(each[name])
                for name in ("value", "gas_price", "max_fee_per_gas", "max_priority_fee_per_gas")
            },
            **{name: each[name] for name in ("nonce", "transaction_index", "gas", "transaction_type")},
            **{f"receipt_{name}": value for name, value in _receipt(each).items()},
        }
        for each in event["transactions"]
    ]


def receipts(event: Row) -> list[Row]:
    return [
        {
            "type": "receipt",
            "transaction_hash": text(each["hash"]),
            "transaction_index": each["transaction_index"],
            "block_hash": text(event["block_hash"]),
            "block_number": event["block_number"],
            **_receipt(each),
        }
        for each in event["transactions"]
    ]


def logs(event: Row) -> list[Row]:
    return [
        {
            "type": "log",
            "log_index": each["log_index"],
            "transaction_hash": text(each["transaction_hash"]),
            "transaction_index": each["transaction_index"],
            "address": text(each["address"]),
            "data": text(each["data"]),
            "topics": [text(topic) for topic in each["topics"]],
            "block_number": event["block_number"],
            "block_timestamp": event["block_timestamp"] // 1000,
            "block_hash": text(event["block_hash"]),
            "item_id": f"log_{text(each['transaction_hash'])}_{each['log_index']}",
            "item_timestamp": _time(event),
        }
        for each in event["logs"]
    ]


def token_transfers(event: Row) -> list[Row]:
    """By ethereum-etl's own rule: topics and words of data together are four."""
    found = []
    for log in logs(event):
        data = log["data"][2:]
        words = log["topics"] + [f"0x{data[at : at + 64]}" for at in range(0, len(data), 64)]
        if log["topics"][:1] != [TRANSFER] or len(words) != 4:
            continue
        found.append(
            {name: log[name] for name in ("transaction_hash", "log_index", "item_timestamp")}
            | {name: log[name] for name in ("block_number", "block_timestamp", "block_hash")}
            | {
                "type": "token_transfer",
                "token_address": log["address"],
                "from_address": f"0x{words[1][-40:]}",
                "to_address": f"0x{words[2][-40:]}",
                "value": int(words[3], 16),
                "item_id": f"token_transfer_{log['transaction_hash']}_{log['log_index']}",
            }
        )
    return found


def _receipt(transaction: Row) -> Row:
    scalar = transaction["receipt_l1_fee_scalar"]
    return {
        "contract_address": text(transaction["receipt_contract_address"]),
        "root": text(transaction["receipt_root"]),
        "l1_fee_scalar": None if scalar is None else float(scalar),
        **{
            name: number(transaction[f"receipt_{name}"])
            for name in ("effective_gas_price", "l1_fee", "l1_gas_price")
        },
        **{
            name: transaction[f"receipt_{name}"]
            for name in ("cumulative_gas_used", "gas_used", "status", "l1_gas_used")
        },
    }


def _time(event: Row) -> str:
    moment = datetime.fromtimestamp(event["block_timestamp"] // 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
