"""What the withdrawals root is made of (EIP-4895); the amount is in gwei."""

from __future__ import annotations

from headwater.evm.answers.shapes import Withdrawal
from headwater.evm.roots.hexrlp import listed, octets, quantity


def encoded(withdrawal: Withdrawal) -> bytes:
    """A withdrawal as its root has it."""
    return bytes.fromhex(
        listed(
            f"{quantity(withdrawal.index)}{quantity(withdrawal.validator_index)}"
            f"{octets(withdrawal.address)}{quantity(withdrawal.amount)}"
        )
    )
