"""A node's answers, out of an event of raw-blocks; what they say is read by `headwater.evm.answers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from schemas import codec_for
from topics.chainlog.parts import join_answers

_FIELDS = {"block": None, "receipts": None}
_raw = codec_for("raw-blocks")


@dataclass(frozen=True, slots=True)
class Answers:
    """JSON as the node sent it; None where the event carries none."""

    block: bytes | None
    receipts: bytes | None


def read_answers(values: Sequence[bytes]) -> Answers:
    """The answers of one event; `values` are its framed parts in order. Raises MalformedRecord.

    A large answer is cut anywhere: its pieces are put together before anyone looks at them.
    """
    parts = [_raw.message(value, _FIELDS) for value in values]
    pieces = [cast("tuple[bytes | None, ...]", (part["block"], part["receipts"])) for part in parts]
    block, receipts = join_answers(pieces)
    return Answers(block, receipts)
