"""How large the records of an answer become: what is above the bounds, no message can carry.

Upper bounds, told from the texts alone: nothing is encoded for them. Of an answer that is small as a whole no
record can be large, so that only its header is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from headwater.evm.answers.shapes import Block, Extra, Log, Receipt, Transaction

HEADER_BYTES: Final = 1 << 20
"""Of a block's header at most, which each part of the block carries: nodes add fields of their own to it."""
RECORD_BYTES: Final = 30 << 20
"""Of a transaction with its receipt, or of a log, at most: the topics take 32 MiB, a header included."""
# A number like 1e15 of what no field models becomes nearly four times as long, and a list may be kept twice.
_GROWTH: Final = 8
_FIXED: Final = 4_096  # All fields of a bounded size, and what is noted of contradictions.
_UNMODELLED: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WITHDRAWAL: Final = 60
_WORD: Final = 33
_AUTHORIZATION: Final = 1_200  # With the text of one that has no parity.


class Size(NamedTuple):
    """A record, how many bytes it has at most, and which of them are of fields of any length."""

    where: str
    size: int
    fields: dict[str, int]
    extras: Sequence[Extra | None]

    def largest(self) -> tuple[str, int]:
        """The largest field's name, one that nobody models included, and about how many bytes it has."""
        sizes = dict(self.fields)
        for extra in filter(None, self.extras):
            sizes |= {name: len(value) for name, value in _UNMODELLED.decode(extra.encode()).items()}
        return max(sizes.items(), key=lambda each: each[1])


def header_size(block: Block) -> Size:
    """That of the header."""
    fields = {
        "extraData": len(block.extra_data or "") // 2,
        "nonce": len(block.nonce or "") // 2,
        "uncles": _WORD * len(block.uncles or ()),
        "withdrawals": _WITHDRAWAL * len(block.withdrawals or ()),
    }
    return _sum("its header", fields, block.extra)


def too_large(block: Block, receipts: Sequence[Receipt], answered: int) -> tuple[Size, int] | None:
    """The first record that is too large, with its bound; None where none is.

    `answered` is how many bytes the answers have as JSON.
    """
    header = header_size(block)
    if header.size > HEADER_BYTES:
        return header, HEADER_BYTES
    if answered <= RECORD_BYTES // _GROWTH:
        return None
    large = (each for each in record_sizes(block, receipts) if each.size > RECORD_BYTES)
    return next(((each, RECORD_BYTES) for each in large), None)


def record_sizes(block: Block, receipts: Sequence[Receipt]) -> Iterator[Size]:
    """Those of its transactions with their receipts, each followed by its logs."""
    number = 0
    for index, (transaction, receipt) in enumerate(zip(block.transactions or (), receipts, strict=False)):
        yield _transaction_size(f"transactions[{index}]", transaction, receipt)
        for log in receipt.logs or ():
            yield _log_size(f"logs[{number}]", log)
            number += 1


def _transaction_size(where: str, transaction: Transaction, receipt: Receipt) -> Size:
    entries = transaction.access_list or ()
    fields = {
        "input": len(transaction.input or "") // 2,
        "blobVersionedHashes": _WORD * len(transaction.blob_versioned_hashes or ()),
        "accessList": sum(_WORD * (2 + len(each.storage_keys or ())) for each in entries),
        "authorizationList": _AUTHORIZATION * len(transaction.authorization_list or ()),
        "l1FeeScalar": _bytes(receipt.l1_fee_scalar),
    }
    return _sum(where, fields, transaction.extra, receipt.extra)


def _log_size(where: str, log: Log) -> Size:
    fields = {"data": len(log.data or "") // 2, "topics": _WORD * len(log.topics or ())}
    return _sum(where, fields, log.extra)


def _sum(where: str, fields: dict[str, int], *extras: Extra | None) -> Size:
    return Size(where, _FIXED + sum(fields.values()) + sum(map(_bytes, extras)), fields, extras)


def _bytes(text: str | None) -> int:
    return 0 if text is None else len(text) if text.isascii() else len(text.encode())
