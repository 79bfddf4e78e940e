"""What follows from a transaction's sender: who signed has an address, and so has what it creates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from headwater.evm.answers.absent import NOBODY, created, is_signed
from headwater.evm.answers.places import same
from headwater.evm.answers.shapes import Receipt, Transaction

SENDERS: Final = "senders"
_BARE: Final = "(chain.exemptions with bare is for a chain whose nodes do not tell it)"
_OTHERWISE: Final = (
    "if this chain makes addresses otherwise, HEADWATER_CHAIN__CREATED_BY_CALLS=true takes what receipts name"
)


def check_senders(
    block: Block,
    transactions: Sequence[Transaction],
    receipts: Sequence[Receipt],
    *,
    creations: bool = True,
    nobody: bool = False,
) -> None:
    """A signed transaction has a sender, and one without a recipient creates the contract of its receipt.

    Without `creations` that is another address on this chain; with `nobody` its nodes may say zero for the
    sender of a signed one (polygon-edge#683). Raises CheckError.
    """
    suspects = [at for at, each in enumerate(transactions) if each.to is None or each.from_ == NOBODY]
    for at in suspects:
        transaction, receipt = transactions[at], receipts[at]
        if not nobody and transaction.from_ == NOBODY and is_signed(transaction):
            raise CheckError(
                SENDERS,
                f"block {block.head.number}: transactions[{at}].from is zero, and the transaction is signed "
                f"{_BARE}",
            )
        if creations and transaction.to is None:
            _check_creation(block, at, transaction, receipt)


def _check_creation(block: Block, at: int, transaction: Transaction, receipt: Receipt) -> None:
    expected, stated = created(transaction, receipt), receipt.contract_address
    if expected is None or stated is None or same(stated, expected):
        return
    raise CheckError(
        SENDERS,
        f"block {block.head.number}: receipts[{at}].contractAddress is {stated}, and what its sender creates "
        f"is {expected} (chain.created_by_calls=true takes what receipts name)",
        found=f"{transaction.hash} {stated}",
        remedy=_OTHERWISE,
    )
