"""What ethereum-etl gives for a block, field by field, and how rows of ours differ from it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

# ethereum-etl 2.4.2: streaming/enrich.py, mappers/, eth_item_id_calculator.py and its sibling.
FIELDS = {
    "blocks": (
        "type number hash parent_hash nonce sha3_uncles logs_bloom transactions_root state_root "
        "receipts_root miner difficulty total_difficulty size extra_data gas_limit gas_used timestamp "
        "transaction_count base_fee_per_gas withdrawals_root withdrawals blob_gas_used excess_blob_gas "
        "item_id item_timestamp"
    ),
    "transactions": (
        "type hash nonce transaction_index from_address to_address value gas gas_price input "
        "block_timestamp block_number block_hash max_fee_per_gas max_priority_fee_per_gas "
        "transaction_type max_fee_per_blob_gas blob_versioned_hashes receipt_cumulative_gas_used "
        "receipt_gas_used receipt_contract_address receipt_root receipt_status "
        "receipt_effective_gas_price receipt_l1_fee receipt_l1_gas_used receipt_l1_gas_price "
        "receipt_l1_fee_scalar receipt_blob_gas_price receipt_blob_gas_used item_id item_timestamp"
    ),
    "receipts": (
        "type transaction_hash transaction_index block_hash block_number cumulative_gas_used gas_used "
        "contract_address root status effective_gas_price l1_fee l1_gas_used l1_gas_price l1_fee_scalar "
        "blob_gas_price blob_gas_used"
    ),
    "logs": (
        "type log_index transaction_hash transaction_index address data topics block_number "
        "block_timestamp block_hash item_id item_timestamp"
    ),
    "token_transfers": (
        "type token_address from_address to_address value transaction_hash log_index block_number "
        "block_timestamp block_hash item_id item_timestamp"
    ),
}
IDENTITY = {
    "blocks": "hash",
    "transactions": "hash",
    "receipts": "transaction_hash",
    "logs": "log_index",
    "token_transfers": "log_index",
}
# (view, field) → what docs/conformance.md says of it.
DIFFERENCES: dict[tuple[str, str], str] = {}


def differences(view: str, ours: Iterable[str], theirs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Field → how many rows differ and the first of them; rows are told apart by `IDENTITY`.

    `ours` are lines of JSONEachRow. Rows or fields that only one side has are differences too,
    and so is a row that we have twice.
    """
    lines = [json.loads(line) for line in ours]
    mine = {row[IDENTITY[view]]: row for row in lines}
    if len(mine) != len(lines):
        twice = [each for each, count in Counter(row[IDENTITY[view]] for row in lines).items() if count > 1]
        return {"doubled": (len(twice), twice[0])}
    peers = {row[IDENTITY[view]]: row for row in theirs}
    if mine.keys() != peers.keys():
        return {"rows": (len(mine.keys() ^ peers.keys()), sorted(map(str, mine.keys() ^ peers.keys()))[0])}
    found: dict[str, list[Any]] = defaultdict(list)
    for key, row in peers.items():
        if list(mine[key]) != FIELDS[view].split():
            found["fields"].append((key, list(mine[key])))
        for name, value in row.items():
            if (view, name) not in DIFFERENCES and mine[key][name] != value:
                found[name].append((key, mine[key][name], value))
    return {name: (len(each), each[0]) for name, each in found.items()}
