"""What a repair replaces: the answers published for its block before, and their records that hold no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from schemas import codec_for
from schemas.codec.varint import read_long
from streams.logic.normalize.records import Bodies
from topics.chainlog.parts import join_answers

_FIELDS: Final = ("block", "receipts", "replaced_block", "replaced_receipts")
_raw = codec_for("raw-blocks")


@dataclass(frozen=True, slots=True)
class Replaced:
    """The answers as they were published before, whole."""

    block: bytes | None
    receipts: bytes | None


def read_replaced(values: Sequence[bytes]) -> Replaced | None:
    """What the framed parts of a repair replace; None where it replaces nothing. Raises MalformedRecord.

    The event has only answers that are other ones now: what it does not have was the same before.
    """
    parts = [_raw.message(value, dict.fromkeys(_FIELDS)) for value in values]
    pieces = [tuple(cast("bytes | None", part[name]) for name in _FIELDS) for part in parts]
    block, receipts, old_block, old_receipts = join_answers(pieces)
    if old_block is None and old_receipts is None:
        return None
    return Replaced(
        block if old_block is None else old_block, receipts if old_receipts is None else old_receipts
    )


def no_longer_true(old: Bodies, new: Bodies) -> tuple[list[bytes], list[bytes]]:
    """The old transactions and logs that the new content leaves out or says otherwise.

    They are compared by their index in the block, which is what their identity is made of.
    """
    transactions = [
        body
        for place, body in enumerate(old.transactions)
        if place >= len(new.transactions) or body != new.transactions[place]
    ]
    logs = {_log_index(body): body for body in new.logs}
    return transactions, [body for body in old.logs if logs.get(_log_index(body)) != body]


def _log_index(body: bytes) -> int:
    """A LogBody begins with it."""
    return read_long(body, 0)[0]
