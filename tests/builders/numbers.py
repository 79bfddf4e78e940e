"""Fields of the Avro records that are strings, and numbers in base 10; every other string stays one."""

from __future__ import annotations

from typing import Final

NUMBERS: Final = {
    "difficulty",
    "total_difficulty",
    "base_fee_per_gas",
    "value",
    "gas_price",
    "max_fee_per_gas",
    "max_priority_fee_per_gas",
    "max_fee_per_blob_gas",
    "v",
    "r",
    "s",
    "receipt_effective_gas_price",
    "receipt_blob_gas_price",
    "receipt_l1_fee",
    "receipt_l1_gas_price",
    "token_id",
    "fee_paid",
    "fees",
    "burnt_fees",
    "blob_fees",
    "amount",
    "base_fee_min",
    "base_fee_max",
    "base_fee_avg",
}
NESTED_NUMBERS: Final = {"nonce", "chain_id", "r", "s"}
