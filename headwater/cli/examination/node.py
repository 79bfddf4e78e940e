"""Is each node on the chain that is meant, at its head, and does it know what is final?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.cli.examination.finding import Finding, Verdict

AREA: Final = "node"
EARLY_SECONDS: Final = 15.0
"""How far ahead of our clock a block's timestamp may be (Ethereum's clients once took as much)."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node says: `age` of its head's timestamp in seconds, the tags that it knows."""

    address: str
    chain_id: int
    head: int
    age: float
    tags: frozenset[str]


def judged(node: Node, *, chain_id: int | None, stale_seconds: float, needs_tags: bool) -> Iterator[Finding]:
    """`chain_id` that it must have, None where any is right; `stale_seconds` is the setting of the chain."""
    if chain_id is not None and node.chain_id != chain_id:
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"{node.address} is on chain {node.chain_id}, not on {chain_id}",
            "correct HEADWATER_CHAIN__RPC or HEADWATER_CHAIN__CHAIN_ID",
        )
    head = f"{node.address}: chain {node.chain_id}, block {node.head}"
    if node.age > stale_seconds:
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"{head} is {node.age:,.0f} s old",
            "let it sync, or put another node first; where the chain itself is slow, raise "
            "HEADWATER_CHAIN__STALE_HEAD_SECONDS",
        )
    else:
        yield Finding(AREA, Verdict.OK, f"{head} is {max(node.age, 0):,.0f} s old")
    missing = sorted({"safe", "finalized"} - node.tags)
    if missing and needs_tags:
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"{node.address} does not know the tags {', '.join(missing)}",
            "see that its consensus client runs; a chain without tags has HEADWATER_CHAIN__FINALITY=depth",
        )


def together(chains: Sequence[tuple[str, int]]) -> Iterator[Finding]:
    """`chains`: address (masked, so that two may be alike) and chain id: all must be of one chain."""
    if len({chain_id for _, chain_id in chains}) > 1:
        found = ", ".join(f"{address} on {chain_id}" for address, chain_id in chains)
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"the nodes are of several chains: {found}",
            "correct HEADWATER_CHAIN__RPC, and set HEADWATER_CHAIN__CHAIN_ID",
        )
