"""What a node's `safe` or `finalized` can mean for the published branch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from connectors.evm.events import Head
from connectors.evm.log.branch import PublishedBranch

FINALIZED: Final = "finalized"
SAFE: Final = "safe"
ODD: Final = "add a sound node to HEADWATER_CHAIN__RPC, or take the odd one out"
"""What helps where nodes disagree."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The published block that a tag means, None where there is none; then `why`, "" where that is as it
    should be. `contradicted`: nodes say otherwise than others, or than before.
    """

    block: Head | None
    why: str = ""
    contradicted: bool = False


def amiss(name: str, tag: Head | None, branch: PublishedBranch) -> Meant | None:
    """What is wrong with the block that a tag names, None for nothing."""
    tip, bottom = branch.tip, branch.bottom
    if tag is None or tip is None or bottom is None:
        return None
    published = branch.finalized if name == FINALIZED else branch.safe
    if published is not None and tag.number < published.number:
        return Meant(
            None,
            f"the nodes name block {tag.number}, and named block {published.number} before: they lag, or "
            "their chain went back",
        )
    if bottom.number <= tag.number <= tip.number and not branch.holds(tag.hash):
        return Meant(
            None,
            f"the nodes name block {tag.number} (0x{tag.hash.hex()}), which is not on the branch that is "
            f"published: {ODD}",
            contradicted=True,
        )
    return None


def best(name: str, tags: Iterable[Head | None], branch: PublishedBranch) -> Head | None:
    """The highest of those with which nothing is wrong, else the highest of all."""
    there = [each for each in tags if each is not None]
    good = [each for each in there if amiss(name, each, branch) is None]
    return max(good or there, key=lambda each: each.number, default=None)
