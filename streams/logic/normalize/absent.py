"""What stands for a field that a node leaves out, where it can be left out. Called only where one is."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.errors import Permanent
from streams.logic.normalize.answers import Authorization, Receipt, Transaction

# Of Ethereum itself (EIP-2718 and its types up to EIP-7702): each field belongs to what was signed.
_SIGNED: Final = frozenset(range(5))


def fill_in(transaction: Transaction, receipt: Receipt, position: int) -> None:
    """Zeros for what a chain's own type of transaction does not have; an OP deposit has its receipt's nonce.

    Raises Permanent for a type whose every field is signed: then something was lost on the way.
    """
    missing = [name for name in ("nonce", "value", "gas", "input") if getattr(transaction, name) is None]
    if int(transaction.type or "0x0", 0) in _SIGNED:
        raise Permanent(f"transactions[{position}].{missing[0]} is missing")
    for name in missing:
        setattr(transaction, name, "0x" if name == "input" else "0x0")
    if "nonce" in missing and receipt.extra is not None:
        # OP specification, deposits: since Regolith the receipt has the depositor's nonce.
        nonce = msgspec.json.decode(receipt.extra).get("depositNonce")
        transaction.nonce = nonce if isinstance(nonce, str) else "0x0"


def parity_of(authorization: Authorization) -> int | None:
    """The y parity of an EIP-7702 tuple, which some nodes call v; None where neither tells it."""
    text = authorization.y_parity if authorization.y_parity is not None else authorization.v
    if text is None:
        return None
    parity = int(text, 0)
    if authorization.y_parity is None and parity in (27, 28):
        return parity - 27
    return parity if parity < 256 else None
