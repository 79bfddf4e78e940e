"""From an event of raw-blocks to the same event of normalized-blocks, with its block in typed form.

Pure: bytes in, bytes out. A block that is not what its event or its own fields say is Permanent, and the
message names the block and the field; its event then goes on as a placeholder, so that the sequence
downstream has no hole.
"""

from __future__ import annotations

from headwater.errors import Permanent
from headwater.evm.answers.decode import decode_block, decode_receipts
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.places import check_receipts, check_transactions
from headwater.evm.answers.shapes import Block
from schemas import WrongValue
from streams.logic.body import body_of
from streams.logic.normalize.differences import receipts_in_order
from streams.logic.normalize.records import Bodies, encode_records
from streams.logic.normalize.replaced import Replaced, no_longer_true
from streams.logic.parts import spread
from topics.chainlog.envelope import Envelope
from topics.chainlog.parts import PART_BYTES


def normalize(
    envelope: Envelope,
    block: bytes | None,
    receipts: bytes | None,
    replaced: Replaced | None = None,
    *,
    part_bytes: int = PART_BYTES,
) -> list[bytes]:
    """The Avro bodies of the normalised event, one per part (one, unless the block is very large).

    `block` and `receipts` are the node's answers, whole; `replaced` those that a repair replaces, None where
    it replaces none. Raises Permanent naming the block and the field at fault.
    """
    if not envelope.event.carries_block:
        return [body_of(envelope)]
    try:
        bodies = _bodies(envelope, block, receipts)
        arrays = (bodies.transactions, bodies.logs, *_no_longer_true(envelope, bodies, replaced))
        parts = spread(part_bytes, bodies.header, *arrays)
    except (Permanent, AnswerError) as error:
        raise Permanent(f"{_named(envelope)}: {error}") from error
    return [
        body_of(
            envelope,
            header=bodies.header,
            transactions=arrays[0][transactions],
            logs=arrays[1][logs],
            replaced_transactions=arrays[2][replaced_transactions],
            replaced_logs=arrays[3][replaced_logs],
            part=part,
            parts=len(parts),
        )
        for part, (transactions, logs, replaced_transactions, replaced_logs) in enumerate(parts)
    ]


def _no_longer_true(
    envelope: Envelope, bodies: Bodies, replaced: Replaced | None
) -> tuple[list[bytes], list[bytes]]:
    if replaced is None:
        return [], []
    try:
        old = _bodies(envelope, replaced.block, replaced.receipts)
    except (Permanent, AnswerError):
        # It was in the dead letters when it came first, and has no records that anyone could take back.
        return [], []
    return no_longer_true(old, bodies)


def _bodies(envelope: Envelope, block_answer: bytes | None, receipts_answer: bytes | None) -> Bodies:
    if block_answer is None:
        raise Permanent("block: the event carries no block answer")
    block = decode_block(block_answer)
    receipts = [] if receipts_answer is None else decode_receipts(receipts_answer)
    if receipts_answer is None and block.transactions:
        raise Permanent(f"receipts: the event carries none for {len(block.transactions)} transactions")
    check_transactions(block)
    receipts = receipts_in_order(block.transactions or (), receipts)
    check_receipts(block, receipts)
    _refuse_other_block(envelope, block)
    try:
        return encode_records(block, receipts, envelope.chain_id)
    except (WrongValue, ValueError, TypeError, OverflowError) as error:
        raise Permanent(f"cannot encode the block: {error}") from error


def _refuse_other_block(envelope: Envelope, block: Block) -> None:
    answered = {
        "hash": bytes.fromhex(block.hash[2:]),
        "number": int(block.number, 16),
        "parentHash": bytes.fromhex(block.parent_hash[2:]),
        "timestamp": int(block.timestamp, 16) * 1000,
    }
    expected = {
        "hash": envelope.block_hash,
        "number": envelope.block_number,
        "parentHash": envelope.parent_hash,
        "timestamp": envelope.block_timestamp,
    }
    for name, value in answered.items():
        if value != expected[name]:
            raise Permanent(f"{name} is {_shown(value)}, its event says {_shown(expected[name])}")


def _named(envelope: Envelope) -> str:
    return f"block {envelope.block_number} {_shown(envelope.block_hash)}"


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
