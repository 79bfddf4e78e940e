"""The block that an event carries, without the Nones of other events."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.errors import Permanent
from topics.chainlog.envelope import Envelope


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What every record of the block carries; times are milliseconds since 1970 (UTC)."""

    chain_id: int
    block_number: int
    block_hash: bytes
    block_timestamp: int
    sequence: int
    removed: bool
    parent_hash: bytes
    verified: tuple[str, ...]
    observed_at: int


def block_facts(envelope: Envelope) -> BlockFacts | None:
    """The block of an event that carries one, None for other events.

    Raises Permanent for an event that carries a block and does not name it in full.
    """
    if not envelope.event.carries_block:
        return None
    number, own, parent, time = (
        envelope.block_number,
        envelope.block_hash,
        envelope.parent_hash,
        envelope.block_timestamp,
    )
    if number is None or own is None or parent is None or time is None:
        raise Permanent(
            f"{envelope.event.name} {envelope.sequence} does not name its block: "
            "block_number, block_hash, parent_hash or block_timestamp is null"
        )
    return BlockFacts(
        chain_id=envelope.chain_id,
        block_number=number,
        block_hash=own,
        block_timestamp=time,
        sequence=envelope.sequence,
        removed=envelope.event.removes,
        parent_hash=parent,
        verified=envelope.verified,
        observed_at=envelope.observed_at,
    )
