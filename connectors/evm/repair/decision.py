"""What a request comes to: REPAIR, REPAIR_REVERT, or that it is rejected, with the remedy. Pure.

First where the block stands by the published branch; then, knowing also what the log says further back and
which block the nodes have at that height, what is published about it. A standing that has changed by the
time of publishing makes the decision void.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.evm.events import Head
from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.log.whole import Found
from connectors.evm.repair.request import Request
from topics.chainlog.kinds import EventKind


@dataclass(frozen=True, slots=True)
class RequestRejected:
    """No event: why not, and what helps."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class OnBranch:
    """The block is canonical and remembered."""

    link: Link


@dataclass(frozen=True, slots=True)
class OffBranch:
    """Another block, `canonical`, has its height on the published branch."""

    canonical: Head


@dataclass(frozen=True, slots=True)
class Settled:
    """Its height is below what the branch remembers, where only the nodes tell which block is canonical."""


BlockStanding = OnBranch | OffBranch | Settled | RequestRejected


@dataclass(frozen=True, slots=True)
class Decision:
    """Publish an event of this kind about this block."""

    kind: EventKind
    head: Head


def standing(request: Request, chain_id: int, branch: PublishedBranch) -> BlockStanding:
    """Where the block stands by the published branch."""
    tip, number = branch.tip, request.block_number
    if request.chain_id != chain_id:
        return RequestRejected(
            f"the request is for chain {request.chain_id}, this listener follows chain {chain_id}",
            "ask with the settings of that chain",
        )
    if number < 0:
        return RequestRejected(f"there is no block {number}", "ask for a height from 0 on")
    if tip is None:
        return RequestRejected("no block is published yet", "ask again once the listener has caught up")
    if number > tip.number:
        return RequestRejected(
            f"block {number} is not published yet: the last one is {tip.number}",
            "it comes by itself; ask again when it is there and still wrong",
        )
    link = branch.link_at(number)
    if link is None:
        if branch.finalized is None or number > branch.finalized.number:
            return RequestRejected(
                f"block {number} is below block {branch.floor}, the first that was ever published",
                "to have it, follow the chain from there under another HEADWATER_TOPIC_PREFIX",
            )
        return Settled()
    if request.block_hash in (None, link.head.hash):
        return OnBranch(link)
    return OffBranch(link.head)


def decide(
    request: Request,
    stands: OnBranch | OffBranch | Settled,
    *,
    node: Head | None = None,
    first: int | None = None,
    log: Sequence[Found] = (),
) -> Decision | RequestRejected:
    """What is published about the block.

    `node` is the nodes' canonical block of that height and `first` the lowest block ever published, where
    that is known: both matter where the block is Settled. `log` is what raw-blocks has of that height, in
    order, and matters wherever the block is not on the branch.
    """
    if isinstance(stands, OnBranch):
        return Decision(EventKind.REPAIR, stands.link.head)
    if isinstance(stands, OffBranch):
        return _removed(request, log, stands.canonical)
    number, logged = request.block_number, _canonical(log)
    if first is not None and number < first:
        return RequestRejected(
            f"block {number} is below block {first}, the first that was ever published",
            "to have it, follow the chain from there under another HEADWATER_TOPIC_PREFIX",
        )
    if node is None:
        return RequestRejected(
            f"no node knows block {number}, which is final, so that nothing tells which one is canonical",
            "add a node with the whole history to HEADWATER_CHAIN__RPC and ask again",
        )
    if logged is not None and _contradicts(logged, node, request, log):
        return RequestRejected(
            f"block {number} is {_hex(logged)} in raw-blocks and {_hex(node)} on the node, both as final",
            "find out which is right: a node of the wrong chain has to leave HEADWATER_CHAIN__RPC; "
            "what the log has wrong only `headwater listen --accept-fork` takes back",
        )
    if request.block_hash in (None, node.hash):
        return Decision(EventKind.REPAIR, node)
    return _removed(request, log, node)


def _removed(request: Request, log: Sequence[Found], canonical: Head) -> Decision | RequestRejected:
    """What is published about a block that is not canonical: it was, or nobody has records of it."""
    for event in reversed(log):
        if event.head.hash == request.block_hash:
            return Decision(EventKind.REPAIR_REVERT, event.head)
    return RequestRejected(
        f"block {request.block} is not canonical, and raw-blocks does not tell that it ever was: "
        f"the block of that height is {_hex(canonical)}",
        "correct the hash, or leave it out to mean the canonical block",
    )


def _canonical(log: Sequence[Found]) -> Head | None:
    """The block that the events of one height end with."""
    found: Head | None = None
    for event in log:
        if event.kind is EventKind.APPLY:
            found = event.head
        elif event.kind is EventKind.REVERT:
            found = None
    return found


def _contradicts(logged: Head, node: Head, request: Request, log: Sequence[Found]) -> bool:
    """Whether log and node have different blocks at a height that is final.

    Not where the log knows the node's block too: the end of a long fork may lie beyond what was looked at.
    """
    if logged.hash == node.hash:
        return False
    return request.block_hash == logged.hash or all(event.head.hash != node.hash for event in log)


def _hex(head: Head) -> str:
    return f"0x{head.hash.hex()}"
