"""Dead letters, requests and outcomes as they come from Kafka."""

from __future__ import annotations

from dataclasses import replace

from audit.repair.letters import Letter, TopicPosition
from connectors.evm.repair.request import BlockName, Outcome, Request

BLOCK = BlockName(31_337, 44, b"\x44" * 32)


def letter(offset: int = 0, failed_at: int = 1_000, **changes: object) -> Letter:
    """A letter of enrich about message `offset` of normalized-blocks."""
    made = Letter(
        position=TopicPosition("c.dead-letters.v1", 0, offset),
        failed_at=failed_at,
        stage="enrich",
        error_class="headwater.errors.Permanent",
        error="two logs of one index",
        original=TopicPosition("c.normalized-blocks.v1", 0, offset),
        headers={},
        head=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def request(name: str = "a", block: BlockName = BLOCK) -> Request:
    """A request for a block."""
    return Request(block.chain_id, name, block.number, block.hash, False, "why", "somebody", 5)


def published(name: str = "a", sequence: int = 9, block: BlockName = BLOCK) -> Outcome:
    """The outcome of a request whose event stands in raw-blocks."""
    return Outcome(request(name, block), "PUBLISHED", 7, sequence=sequence, source="raw-blocks")


def refused(name: str = "a", block: BlockName = BLOCK) -> Outcome:
    """The outcome of a request that was refused."""
    return Outcome(request(name, block), "REFUSED", 7, problem="no node has it; add one")
