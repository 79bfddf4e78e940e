"""A node's answers into structs, by whoever publishes a block and by whoever takes it from there.

Almost every answer of almost every chain has only fields that are modelled, written as they should be, and
`msgspec` decodes it straight into structs. Any other is decoded without a type first and put into the
form of the structs by `canonical`, which names what cannot be.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.evm.answers.canonical import canonical, shown
from headwater.evm.answers.digits import block_is_hex, receipts_are_hex
from headwater.evm.answers.errors import UNREADABLE, AnswerError
from headwater.evm.answers.shapes import Block, Receipt

_BLOCK: Final = msgspec.json.Decoder(Block)
_RECEIPTS: Final = msgspec.json.Decoder(list[Receipt])
_ANY: Final = msgspec.json.Decoder()


def decode_block(raw: bytes | memoryview) -> Block:
    """The answer of eth_getBlockBy… with full transactions. Raises AnswerError naming the field at fault."""
    try:
        block = _BLOCK.decode(raw)
    except UNREADABLE:
        block = None  # The usual reason is a field that is not modelled; what is wrong is wrong again below.
    if block is None or not block_is_hex(block):
        try:
            block = msgspec.convert(canonical(_ANY.decode(raw), Block), Block)
        except UNREADABLE as error:
            raise AnswerError(f"block: the answer is not JSON: {error}") from error
    if block.transactions is None:
        block.transactions = []
    return block


def decode_receipts(raw: bytes | memoryview) -> list[Receipt]:
    """The answer of eth_getBlockReceipts. Raises AnswerError naming the field at fault."""
    try:
        receipts = _RECEIPTS.decode(raw)
    except UNREADABLE:
        receipts = None
    if receipts is not None and receipts_are_hex(receipts):
        return receipts
    try:
        answer = _ANY.decode(raw)
        if not isinstance(answer, list):
            raise AnswerError(f"receipts are {shown(answer)}, not a list")
        listed = [canonical(each, Receipt, f"receipts[{place}].") for place, each in enumerate(answer)]
        return msgspec.convert(listed, list[Receipt])
    except UNREADABLE as error:
        raise AnswerError(f"receipts: the answer is not JSON: {error}") from error
