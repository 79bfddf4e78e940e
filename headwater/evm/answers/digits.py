"""Whether the texts of decoded answers are hex, told of all at once.

The structs hold a text's length; what its characters are is looked at here: the texts of a block are put
together and read as one, about a microsecond a record. Which of them is none is told by `canonical`. Texts
that say what another record says too (hash, number, place) are left to `places`, where they are compared.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import astuple

from headwater.evm.answers.fields import hex_fields
from headwater.evm.answers.shapes import (
    Authorization,
    Block,
    Receipt,
    Transaction,
    Withdrawal,
)

_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_BLOCK: Final = hex_fields(Block, "withdrawals")
_TRANSACTION: Final = hex_fields(Transaction, "input")
_RECEIPT: Final = hex_fields(Receipt, "transaction_hash")
_AUTHORIZATION: Final = hex_fields(Authorization)
_WITHDRAWAL: Final = hex_fields(Withdrawal)


def block_is_hex(block: Block) -> bool:
    """Whether the texts of a block and its transactions are hex, and its data whole bytes."""
    texts: list[str | None] = [*astuple(block)[:_BLOCK], *(block.uncles or ())]
    add = texts.extend
    data: list[str | None] = [block.extra_data, block.nonce]
    for transaction in block.transactions or ():
        add(astuple(transaction)[:_TRANSACTION])
        data.append(transaction.input)
        if transaction.access_list or transaction.authorization_list or transaction.blob_versioned_hashes:
            add(_lists(transaction))
    for withdrawal in block.withdrawals or ():
        add(astuple(withdrawal)[:_WITHDRAWAL])
    return _are_hex(texts) and _are_bytes(data)


def receipts_are_hex(receipts: Iterable[Receipt]) -> bool:
    """The same of receipts and their logs."""
    texts: list[str | None] = []
    data: list[str | None] = []
    words: set[str] = set()  # Most occur many times.
    add = texts.extend
    for receipt in receipts:
        add(astuple(receipt)[:_RECEIPT])
        for log in receipt.logs or ():
            words.add(log.address)
            words.update(log.topics or ())
            data.append(log.data)
    texts += words
    return _are_hex(texts) and _are_bytes(data)


def _lists(transaction: Transaction) -> Iterator[str]:
    yield from transaction.blob_versioned_hashes or ()
    for entry in transaction.access_list or ():
        yield entry.address
        yield from entry.storage_keys or ()
    for authorization in transaction.authorization_list or ():
        yield from astuple(authorization)[:_AUTHORIZATION]


def _are_hex(texts: Iterable[str | None]) -> bool:
    # Without its digits each text is one x, which stands behind a zero at its beginning.
    present = ["", *filter(None, texts)]
    joined = ",".join(present)
    count = len(present) - 1
    rest = joined.encode("ascii", "replace").translate(None, _HEX_DIGITS)
    return rest == b",x" * count and joined.count(",0x") == count


def _are_bytes(data: Iterable[str | None]) -> bool:
    try:
        for each in filter(None, data):
            if not each.startswith("0x"):
                return False
            unhexlify(each[2:])
    except ValueError:
        return False
    return True
