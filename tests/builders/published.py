"""A block's way from a node's answers through the listener's checks into a normalised event."""

from __future__ import annotations

import json
from typing import Any

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import decode_block, decode_receipts
from connectors.evm.blocks.sizes import check_sizes
from headwater.evm.answers.sizes import HEADER_BYTES
from headwater.evm.bloom import Bloom
from schemas import codec_for
from streams.logic.normalize.event import normalize
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.spec import BLOCK_BYTES

Record = dict[str, Any]


def checked(answer: object, receipts: object, verifier: Verifier) -> Envelope:
    """The event that the listener publishes of the answers. Raises CheckError, ShapeError."""
    raw, listed = json.dumps(answer).encode(), json.dumps(receipts).encode()
    block, decoded = decode_block(raw), decode_receipts(listed)
    verifier.check_header(block)
    verifier.check(block, decoded)
    check_sizes(block, decoded, len(raw) + len(listed))
    head = block.head
    return Envelope(
        event=EventKind.APPLY,
        chain_id=1,
        sequence=1,
        claim=0,
        block_number=head.number,
        block_hash=head.hash,
        parent_hash=head.parent,
        block_timestamp=head.timestamp_ms,
        observed_at=0,
        source="",
        verified=(),
        fresh=False,
        part=0,
        parts=1,
    )


def taken(own: Envelope, answer: object, receipts: object) -> Record:
    """The normalised block of what was published. Raises Permanent."""
    (body,) = normalize(own, json.dumps(answer).encode(), json.dumps(receipts).encode())
    assert len(body) < BLOCK_BYTES - HEADER_BYTES
    return codec_for("normalized-blocks").read(body)


def published(answer: Record, receipts: list[Record], *, header_hash: bool, creations: bool = True) -> Record:
    """The normalised block of answers that passed the listener's checks. Raises CheckError, ShapeError."""
    return taken(
        checked(answer, receipts, Verifier(Bloom(), header_hash=header_hash, creations=creations)),
        answer,
        receipts,
    )
