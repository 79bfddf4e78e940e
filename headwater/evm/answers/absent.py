"""What stands for a field that a node leaves out, where it can be left out. Called only where one is."""

from __future__ import annotations

from typing import Final

from headwater.digits import quantity
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.shapes import Authorization, Receipt, Transaction
from headwater.evm.creation import created_by

NO_UNCLES: Final = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
"""sha3Uncles of a block without uncles: keccak-256 of the RLP of the empty list (Yellow Paper 4.4.3)."""
# Of Ethereum itself (EIP-2718 and its types up to EIP-7702): each field belongs to what was signed.
SIGNED: Final = frozenset(range(5))
NOBODY: Final = "0x" + "00" * 20
"""The address zero, which nobody has a key to: some nodes write it where there is no address."""
_DEPOSIT: Final = 0x7E


def fill_in(transaction: Transaction, receipt: Receipt, position: int) -> None:
    """Zeros for what a chain's own type of transaction does not have; an OP deposit has its receipt's nonce.

    A transaction without a recipient has the address of the contract that it creates, whether that succeeds
    or not, as most nodes have it (go-ethereum#27937); so has an OP deposit that some nodes name the one of
    nonce zero for (optimism#21549). Raises AnswerError for a type whose every field is signed: then something
    was lost on the way.
    """
    missing = [name for name in ("nonce", "value", "gas", "input") if getattr(transaction, name) is None]
    if missing and int(transaction.type or "0x0", 16) in SIGNED:
        raise AnswerError(f"transactions[{position}].{missing[0]} is missing")
    for name in missing:
        setattr(transaction, name, "0x" if name == "input" else "0x0")
    if "nonce" in missing:
        transaction.nonce = hex(_deposit_nonce(receipt) or 0)
    if transaction.to is None and (
        receipt.contract_address in (None, NOBODY) or _is_of_nonce_zero(transaction, receipt)
    ):
        receipt.contract_address = created(transaction, receipt)


def created(transaction: Transaction, receipt: Receipt) -> str | None:
    """The contract that a transaction without a recipient creates; None for one of a chain's own.

    An OP deposit's nonce is in its receipt, of blocks before Regolith in none. Whose sender is not told
    although it signed creates what its receipt says.
    """
    kind = int(transaction.type or "0x0", 16)
    nonce = None
    if transaction.from_ == NOBODY and is_signed(transaction):
        return None
    if kind in SIGNED and transaction.nonce is not None:
        nonce = int(transaction.nonce, 16)
    elif kind == _DEPOSIT:
        nonce = _deposit_nonce(receipt)
    return None if nonce is None else created_by(transaction.from_, nonce)


def is_signed(transaction: Transaction) -> bool:
    """Whether somebody signed it; those of chains themselves have no signature, or zeros for one."""
    kind = int(transaction.type or "0x0", 16)
    return kind in SIGNED and all(int(each or "0x0", 16) for each in (transaction.r, transaction.s))


def _is_of_nonce_zero(transaction: Transaction, receipt: Receipt) -> bool:
    # Op-reth takes the nonce of the deposit itself, which has none, where its receipt has the right one.
    stated = receipt.contract_address or ""
    return (
        int(transaction.type or "0x0", 16) == _DEPOSIT
        and bool(_deposit_nonce(receipt))
        and stated.lower() == created_by(transaction.from_, 0)
    )


def _deposit_nonce(receipt: Receipt) -> int | None:
    # OP specification, deposits: since Regolith the receipt has the depositor's nonce.
    nonce = None if receipt.extra is None else receipt.extra.content().get("depositNonce")
    return nonce if type(nonce) is int and nonce >> 64 == 0 else quantity(nonce, 64)


def parity_of(authorization: Authorization) -> int | None:
    """The y parity of an EIP-7702 tuple, which some nodes call v; None where neither tells it."""
    text = authorization.y_parity if authorization.y_parity is not None else authorization.v
    if text is None:
        return None
    parity = int(text, 16)
    if authorization.y_parity is None and parity in (27, 28):
        return parity - 27
    return parity if parity < 256 else None
