"""Which fields count to 2^64 - 1: Avro's long is signed, so it carries them in two's complement.

They are the quantities of 64 bits that nodes tell of headers, transactions, receipts and withdrawals: a gas
limit of 2^64 - 1 is some chains' habit. A negative long in any other field is an error.
"""

from __future__ import annotations

from typing import Final

UNSIGNED: Final = frozenset(
    {
        # Header.
        "size", "gas_limit", "gas_used", "blob_gas_used", "excess_blob_gas",
        # Withdrawal (EIP-4895).
        "index", "validator_index", "amount",
        # Transaction and its receipt.
        "nonce", "gas", "transaction_type", "receipt_cumulative_gas_used", "receipt_gas_used",
        "receipt_blob_gas_used", "receipt_l1_gas_used",
    }
)  # fmt: skip
"""Names of fields, in whatever record they stand; one of these that is not a long means something else."""
_RANGE: Final = 1 << 64


def from_long(number: int) -> int:
    """The number that the long of an unsigned field stands for."""
    return number if number >= 0 else number + _RANGE


def to_long(number: int) -> int:
    """The long of an unsigned field's number, 0 ≤ number < 2^64."""
    return number if number < _RANGE >> 1 else number - _RANGE
