"""What stands for a field that a node leaves out, where it can be left out. Called only where one is."""

from __future__ import annotations

from typing import Final

from headwater.digits import quantity
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.shapes import Authorization, Receipt, Transaction

NO_UNCLES: Final = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
"""sha3Uncles of a block without uncles: keccak-256 of the RLP of the empty list (Yellow Paper 4.4.3)."""
# Of Ethereum itself (EIP-2718 and its types up to EIP-7702): each field belongs to what was signed.
_SIGNED: Final = frozenset(range(5))


def fill_in(transaction: Transaction, receipt: Receipt, position: int) -> None:
    """Zeros for what a chain's own type of transaction does not have; an OP deposit has its receipt's nonce.

    Raises AnswerError for a type whose every field is signed: then something was lost on the way.
    """
    missing = [name for name in ("nonce", "value", "gas", "input") if getattr(transaction, name) is None]
    if not missing:
        return
    if int(transaction.type or "0x0", 16) in _SIGNED:
        raise AnswerError(f"transactions[{position}].{missing[0]} is missing")
    for name in missing:
        setattr(transaction, name, "0x" if name == "input" else "0x0")
    if "nonce" in missing:
        transaction.nonce = _deposit_nonce(receipt)


def _deposit_nonce(receipt: Receipt) -> str:
    # OP specification, deposits: since Regolith the receipt has the depositor's nonce.
    nonce = None if receipt.extra is None else receipt.extra.content().get("depositNonce")
    number = nonce if type(nonce) is int and nonce >> 64 == 0 else quantity(nonce, 64)
    return hex(number or 0)


def parity_of(authorization: Authorization) -> int | None:
    """The y parity of an EIP-7702 tuple, which some nodes call v; None where neither tells it."""
    text = authorization.y_parity if authorization.y_parity is not None else authorization.v
    if text is None:
        return None
    parity = int(text, 16)
    if authorization.y_parity is None and parity in (27, 28):
        return parity - 27
    return parity if parity < 256 else None
