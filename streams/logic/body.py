"""The body of an event of normalized-blocks, with which one of enriched-blocks begins too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from schemas import codec_for
from topics.chainlog.envelope import Envelope

STREAM: Final = "normalized-blocks"
_write = codec_for(STREAM).write_values


def placeholder(envelope: Envelope, problem: str) -> bytes:
    """The event without its block's content, and why; what the envelope tells of the block stays."""
    return body_of(envelope, problem=problem)


def body_of(
    envelope: Envelope,
    *,
    problem: str | None = None,
    header: bytes | None = None,
    transactions: Sequence[bytes] = (),
    logs: Sequence[bytes] = (),
    replaced_transactions: Sequence[bytes] = (),
    replaced_logs: Sequence[bytes] = (),
    part: int = 0,
    parts: int = 1,
) -> bytes:
    """The Avro body of one part: the block's header, transactions and logs are Avro bodies themselves."""
    return _write(
        envelope.event.name,
        envelope.chain_id,
        envelope.sequence,
        envelope.claim,
        envelope.block_number,
        envelope.block_hash,
        envelope.parent_hash,
        envelope.block_timestamp,
        envelope.observed_at,
        envelope.source,
        envelope.verified,
        envelope.fresh,
        part,
        parts,
        problem,
        header,
        transactions,
        logs,
        replaced_transactions,
        replaced_logs,
    )
