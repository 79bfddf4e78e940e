"""What a request comes to."""

from __future__ import annotations

import pytest

from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.log.whole import Found
from connectors.evm.repair.decision import (
    BlockStanding,
    Decision,
    OffBranch,
    OnBranch,
    RequestRejected,
    Settled,
    decide,
    standing,
)
from tests.builders.repair_requests import repair_request
from tests.fakes.listening import CHAIN_ID, made_up_head
from topics.chainlog.kinds import EventKind

HEADS = [made_up_head(0)]
for _number in range(1, 21):
    HEADS.append(made_up_head(_number, parent=HEADS[-1]))
ORPHAN = made_up_head(7, 1, HEADS[6])
HERE = HEADS[7]


def branch(*, first: int = 5, finalized: int | None = 10) -> PublishedBranch:
    """Blocks up to 20."""
    found = PublishedBranch(whole=True)
    for head in HEADS[first:]:
        found.applied(Link(head, head.number, head.number + 1, head.number))
    if finalized is not None:
        found.moved_finalized(HEADS[finalized])
    return found


def logged(kind: EventKind, head: object = HERE, offset: int = 3) -> Found:
    return Found(kind, head, 100 + offset, offset, offset + 1)  # type: ignore[arg-type]


STANDINGS = [
    (15, None, OnBranch(Link(HEADS[15], 15, 16, 15))),
    (15, HEADS[15].hash, OnBranch(Link(HEADS[15], 15, 16, 15))),
    (15, HEADS[14].hash, OffBranch(HEADS[15])),
    (10, None, OnBranch(Link(HEADS[10], 10, 11, 10))),
    (9, None, Settled()),
    (9, ORPHAN.hash, Settled()),
    (0, None, Settled()),
]


@pytest.mark.parametrize(("number", "hash", "expected"), STANDINGS)
def test_where_a_block_stands(number: int, hash: bytes | None, expected: BlockStanding) -> None:
    assert standing(repair_request(number, hash), CHAIN_ID, branch()) == expected


def test_a_block_that_cannot_have_been_published_is_refused() -> None:
    def why(number: int, own: PublishedBranch, chain_id: int = CHAIN_ID) -> str:
        stands = standing(repair_request(number, chain_id=chain_id), CHAIN_ID, own)
        assert isinstance(stands, RequestRejected)
        assert stands.remedy
        return str(stands)

    assert "not published yet: the last one is 20; it comes by itself" in why(21, branch())
    assert "for chain 5, this listener follows chain 31337" in why(7, branch(), chain_id=5)
    assert "there is no block -1" in why(-1, branch())
    assert "no block is published yet" in why(0, PublishedBranch(whole=True))
    assert "below block 5, the first that was ever published" in why(4, branch(finalized=None))


def test_a_block_on_the_branch_is_said_again() -> None:
    stands = OnBranch(Link(HERE, 1, 2, 1))
    assert decide(repair_request(7), stands) == Decision(EventKind.REPAIR, HERE)


@pytest.mark.parametrize("kind", [EventKind.APPLY, EventKind.REVERT, EventKind.REPAIR_REVERT])
def test_a_block_off_the_branch_is_withdrawn_again_when_it_was_published(kind: EventKind) -> None:
    request, stands = repair_request(7, ORPHAN.hash), OffBranch(HERE)
    log = [logged(EventKind.APPLY), logged(kind, ORPHAN, 4)]
    assert decide(request, stands, log=log) == Decision(EventKind.REPAIR_REVERT, ORPHAN)
    refused = decide(request, stands, log=log[:1])
    assert isinstance(refused, RequestRejected)
    assert f"block 7:0x{ORPHAN.hash.hex()} is not canonical" in refused.problem
    assert f"the block of that height is 0x{HERE.hash.hex()}" in refused.problem


@pytest.mark.parametrize("log", [[], [logged(EventKind.APPLY)], [logged(EventKind.APPLY, ORPHAN, 2)] * 2])
@pytest.mark.parametrize("hash", [None, HERE.hash])
def test_a_final_block_is_said_again_when_the_nodes_have_it(hash: bytes | None, log: list[Found]) -> None:
    log = [*log, logged(EventKind.REVERT, ORPHAN, 9)] if log and log[0].head == ORPHAN else log
    found = decide(repair_request(7, hash), Settled(), node=HERE, first=5, log=log)
    assert found == Decision(EventKind.REPAIR, HERE)


def test_a_block_below_the_final_one_is_withdrawn_again_when_another_took_its_place() -> None:
    log = [
        logged(EventKind.APPLY, ORPHAN, 1),
        logged(EventKind.REVERT, ORPHAN, 2),
        logged(EventKind.APPLY, HERE, 3),
    ]
    request = repair_request(7, ORPHAN.hash)
    assert decide(request, Settled(), node=HERE, log=log) == Decision(EventKind.REPAIR_REVERT, ORPHAN)
    assert isinstance(decide(request, Settled(), node=HERE, log=log[2:]), RequestRejected)


def test_of_a_final_block_nothing_is_said_where_it_is_not_certain() -> None:
    def why(hash: bytes | None = None, **known: object) -> str:
        refused = decide(repair_request(7, hash), Settled(), **known)  # type: ignore[arg-type]
        assert isinstance(refused, RequestRejected)
        assert refused.remedy
        return refused.problem

    assert "no node knows block 7" in why()
    assert "below block 8, the first that was ever published" in why(node=HERE, first=8)
    applied = [logged(EventKind.APPLY, ORPHAN)]
    for hash in (None, HERE.hash, ORPHAN.hash):
        assert "in raw-blocks and" in why(hash, node=HERE, log=applied)
    # The node's block was published once, and the one in force is not withdrawn on the node's word.
    both = [logged(EventKind.APPLY), logged(EventKind.REVERT), *applied]
    assert "in raw-blocks and" in why(ORPHAN.hash, node=HERE, log=both)
    assert decide(repair_request(7, HERE.hash), Settled(), node=HERE, log=both) == Decision(
        EventKind.REPAIR, HERE
    )
