"""Faults of a node that is, wholly or in part, on a branch of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sandbox.node.plan.rule import Rule


class SealedFork(Rule):
    """The node is on a branch of its own, whose hashes and roots hold.

    It leaves the chain `depth` blocks below the head at which the rule was first on, and grows with it.
    """

    kind: Literal["sealed_fork"]
    depth: int = Field(3, ge=1)


class MovedFinalized(Rule):
    """Tags name a block of another branch, which leaves the chain `depth` blocks below what they named."""

    kind: Literal["moved_finalized"]
    tags: tuple[Literal["safe", "finalized"], ...] = ("finalized",)
    depth: int = Field(2, ge=1)


class FinalizedBack(Rule):
    """Tags name a block so many blocks lower than they did."""

    kind: Literal["finalized_back"]
    tags: tuple[Literal["safe", "finalized"], ...] = ("finalized",)
    blocks: int = Field(3, ge=1)


class MixedBatch(Rule):
    """Every second call of a batch is answered from another branch, that left `depth` blocks ago."""

    kind: Literal["mixed_batch"]
    depth: int = Field(3, ge=1)
