"""Nodes that are on branches of their own, whose hashes and roots hold: who is believed, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.evm.head.age import STILL, HeadAge
from connectors.evm.head.objection import ALONE_SECONDS
from connectors.evm.head.unlinked import LOOKS, RED
from connectors.evm.head.waiting import PATIENCE_SECONDS
from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.plan import Plan, Play
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, accepted, hashes, make_rig
from topics.chainlog.kinds import EventKind

LAGS = {"safe_lag": 2, "finalized_lag": 4}
BLOCKS = 20
DEEP = {"kind": "sealed_fork", "depth": 10}
FINALIZED_BACK = 3
"""Blocks by which that fault's tag is lower, unless told otherwise."""
SHALLOW = {"kind": "sealed_fork", "depth": 2}


class Stage:
    """A listener over nodes of one chain, whose faults are on from `misbehave` until `behave`."""

    def __init__(self, *plans: list[dict[str, Any]]) -> None:
        self.now = self.seconds = 0.0
        self.chain = AdjustableChain.synthetic(BLOCKS, keeps_orphans=True)
        timed = [[{"start": 1, "end": 2} | fault for fault in plan] for plan in plans]
        self.plays = [
            Play(Plan.model_validate({"seed": at, "faults": faults}), lambda: self.now)
            for at, faults in enumerate(timed)
        ]
        self.nodes = [RecordedNode(self.chain, plan=play, **LAGS) for play in self.plays]
        self.store = MemoryStore()
        self.rig: Rig

    async def begin(self, **options: Any) -> None:
        settings = ChainSettings(chain_id=CHAIN_ID, start="earliest", prefetch_blocks=4)
        self.rig = make_rig(self.store, self.nodes, chain=settings, **options)
        self.rig.listener._finality._clock = lambda: self.seconds
        await self.rig.log.open()
        await self.rig.settle()
        assert hashes(self.store) == self.chain.hashes

    def misbehave(self) -> None:
        self.now = 1.0

    def behave(self) -> None:
        self.now = 2.0

    def away(self, *nodes: int) -> None:
        for at in nodes:
            del self.rig.transport.nodes[f"http://node{at}"]

    def back(self, *nodes: int) -> None:
        for at in nodes:
            self.rig.transport.nodes[f"http://node{at}"] = self.nodes[at]

    async def look(self, times: int = 1) -> str:
        """Looks as the listener's loop has them; what the last one failed with, "" for nothing."""
        problem = ""
        for _ in range(times):
            try:
                await self.rig.settle()
                problem = ""
            except NodeFailure as failure:
                problem = failure.what
        return problem

    async def grow(self, blocks: int) -> None:
        """One block after the other, two looks at each."""
        for _ in range(blocks):
            self.chain.extend()
            await self.look(2)

    @property
    def final(self) -> list[int]:
        return [each.head.number for each in accepted(self.store) if each.kind is EventKind.FINALIZED]  # type: ignore[union-attr]

    @property
    def cordoned(self) -> list[str]:
        pool: Nodes = self.rig.nodes
        return [each.name for each in pool.endpoints if each.name in pool.cordons]


def check(part: str) -> tuple[bool, str]:
    found = HEALTH.checks()[part]
    return found.ok, found.detail


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    for part in ("branch", "finality", "nodes", "links"):
        HEALTH.report(part, True)


async def test_a_head_on_a_branch_below_finality_is_walked_back_and_its_node_cordoned() -> None:
    stage = Stage([DEEP], [])
    await stage.begin()
    stage.misbehave()
    await stage.grow(3)
    assert stage.cordoned == ["http://node0"]
    assert hashes(stage.store) == stage.chain.hashes
    assert all(each.kind is not EventKind.REVERT for each in accepted(stage.store))
    stage.seconds += ALONE_SECONDS
    await stage.grow(1)
    assert stage.final[-1] == BLOCKS + 4 - 4


async def test_while_the_sound_node_is_away_nothing_is_published_and_readiness_says_why() -> None:
    stage = Stage([DEEP], [])
    await stage.begin()
    stage.misbehave()
    stage.away(1)
    stage.chain.extend(2)
    before = len(stage.store.log)
    problem = await stage.look(RED)
    assert len(stage.store.log) == before
    assert "forks below the finalized block 16" in problem
    assert "until http://node1 answers" in problem
    ok, detail = check("branch")
    assert not ok
    assert "http://node1" in detail
    stage.back(1)
    await stage.look(3)
    assert hashes(stage.store) == stage.chain.hashes
    assert stage.cordoned == ["http://node0"]
    assert check("branch") == (True, "")
    # The odd one is the only one again: it is asked, since nobody else answers, and not believed.
    stage.away(1)
    await stage.grow(2)
    assert hashes(stage.store) == stage.chain.hashes[:-2]
    assert not check("branch")[0]


async def test_when_every_node_denies_what_is_final_an_operator_decides() -> None:
    stage = Stage([DEEP], [DEEP])
    await stage.begin()
    stage.misbehave()
    stage.chain.extend()
    with pytest.raises(Fatal, match="--accept-fork"):
        await stage.look()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "moved_finalized", "tags": ["safe", "finalized"]},
        {"kind": "finalized_back", "tags": ["safe", "finalized"]},
        {"kind": "tag_error"},
        {"kind": "tag_error", "message": "internal error"},
        {"kind": "tag_error", "code": -32602, "message": "unknown block tag"},
        {"kind": "tag_error", "null": True},
    ],
    ids=str,
)
async def test_a_tag_that_moves_goes_back_or_errs_makes_the_others_be_asked(fault: dict[str, Any]) -> None:
    stage = Stage([fault], [])
    await stage.begin()
    stage.misbehave()
    await stage.grow(6)
    assert hashes(stage.store) == stage.chain.hashes
    # Of two nodes both must call a block final, and this one names one that is lower.
    lower = FINALIZED_BACK if fault["kind"] == "finalized_back" else 0
    assert stage.final[-1] == BLOCKS + 6 - 4 - lower
    assert check("finality") == (True, "")


@pytest.mark.parametrize("kind", ["moved_finalized", "finalized_back"])
async def test_a_tag_that_all_nodes_have_wrong_is_waited_for_visibly(kind: str) -> None:
    stage = Stage([{"kind": kind}])
    await stage.begin()
    stage.misbehave()
    before = stage.final
    await stage.grow(2)
    assert hashes(stage.store) == stage.chain.hashes
    assert stage.final == before
    ok, detail = check("finality")
    assert "finalized: the nodes name block" in detail
    assert ok is (kind == "finalized_back")
    stage.behave()
    await stage.grow(1)
    assert stage.final[-1] == BLOCKS + 3 - 4
    assert check("finality") == (True, "")


async def test_a_branch_of_one_node_is_not_final_while_another_denies_it() -> None:
    stage = Stage([SHALLOW], [])
    await stage.begin()
    stage.misbehave()
    await stage.grow(8)
    assert hashes(stage.store) != stage.chain.hashes, "it is followed, as any fork is"
    assert max(stage.final) <= BLOCKS - 1, "the last block in common"
    ok, detail = check("finality")
    assert not ok
    assert "http://node0 has it, and http://node1 has another block there" in detail
    stage.behave()
    await stage.grow(1)
    assert hashes(stage.store) == stage.chain.hashes
    assert stage.final[-1] == BLOCKS + 9 - 4
    assert check("finality") == (True, "")


async def test_a_branch_that_more_nodes_deny_is_left_and_its_node_cordoned() -> None:
    stage = Stage([SHALLOW], [], [])
    await stage.begin()
    stage.misbehave()
    await stage.grow(8)
    assert stage.cordoned == ["http://node0"]
    assert hashes(stage.store) == stage.chain.hashes
    assert stage.final[-1] == BLOCKS + 8 - 4
    assert check("finality") == (True, "")


async def test_a_branch_of_one_node_is_not_final_while_the_others_say_nothing() -> None:
    """It begins below what is final to the node, and at the tip: no block that is published leaves."""
    stage = Stage([DEEP], [], [])
    await stage.begin()
    stage.away(1, 2)
    stage.chain.extend(10)
    stage.misbehave()
    for _ in range(3):
        stage.seconds += ALONE_SECONDS / 4
        await stage.grow(1)
    assert hashes(stage.store) != stage.chain.hashes, "it is followed"
    assert stage.final[-1] == BLOCKS - 4
    assert "final to http://node0, and no other node says anything of it" in check("finality")[1]
    stage.behave()
    stage.back(1, 2)
    await stage.grow(1)
    assert hashes(stage.store) == stage.chain.hashes
    assert stage.final[-1] == BLOCKS + 14 - 4
    assert check("finality") == (True, "")


async def test_a_node_whose_others_stay_away_is_believed_alone() -> None:
    stage = Stage([], [])
    await stage.begin()
    stage.away(1)
    await stage.grow(4)
    assert stage.final[-1] == BLOCKS - 4
    stage.seconds = ALONE_SECONDS
    await stage.grow(1)
    assert stage.final[-1] == BLOCKS + 5 - 4
    await stage.grow(1)
    assert stage.final[-1] == BLOCKS + 6 - 4, "it is not waited for again"


async def test_a_fork_that_only_one_node_has_shown_is_final_when_the_others_stay_away() -> None:
    stage = Stage([], [])
    await stage.begin()
    clock = [0.0]
    stage.rig.listener._finality._waiting._clock = lambda: clock[0]
    stage.away(1)
    stage.chain.fork(2, 3)
    await stage.grow(8)
    assert hashes(stage.store) == stage.chain.hashes
    assert max(stage.final) <= BLOCKS - 2
    assert "that only http://node0 has shown" in check("finality")[1]
    clock[0] = PATIENCE_SECONDS
    await stage.grow(1)
    assert stage.final[-1] == stage.chain.last() - 4


async def test_a_fork_is_final_when_another_node_that_comes_back_has_it() -> None:
    stage = Stage([], [])
    await stage.begin()
    stage.away(1)
    stage.chain.fork(2, 3)
    await stage.grow(8)
    stage.back(1)
    await stage.look()
    assert stage.final[-1] == stage.chain.last() - 4


async def test_finality_ahead_of_that_of_most_nodes_is_waited_for() -> None:
    stage = Stage([], [], [])
    await stage.begin()
    stage.nodes[0].set_lags(0, 0)
    await stage.grow(3)
    assert stage.final[-1] == BLOCKS + 3 - 4
    assert hashes(stage.store) == stage.chain.hashes


@pytest.mark.parametrize("blocks", [1, 5, 500])
async def test_a_head_that_leads_nowhere_is_left_for_another_nodes(blocks: int) -> None:
    stage = Stage([{"kind": "lying_head", "blocks": blocks, "sealed": True}], [])
    await stage.begin()
    stage.misbehave()
    stage.chain.extend(2)
    await stage.look(2 * LOOKS)
    assert hashes(stage.store) == stage.chain.hashes
    await stage.grow(3)
    assert hashes(stage.store) == stage.chain.hashes
    assert HEALTH.checks()["branch"].ok


async def test_a_head_of_the_only_node_that_leads_nowhere_turns_readiness_red() -> None:
    stage = Stage([{"kind": "lying_head", "sealed": True}])
    await stage.begin()
    stage.misbehave()
    await stage.look(RED)
    ok, detail = check("branch")
    assert not ok
    assert "leads nowhere" in detail
    assert "HEADWATER_CHAIN__RPC" in detail
    stage.behave()
    await stage.look()
    assert check("branch") == (True, "")


async def test_a_chain_that_never_rests_and_stands_still_turns_readiness_red() -> None:
    now = 0.0
    stage = Stage([])
    await stage.begin(age=HeadAge(30.0, lambda: now, rests=False))
    now = 30.0 * STILL - 1
    await stage.look()
    assert check("head")[0]
    now = 30.0 * STILL
    await stage.look()
    assert check("head") == (False, f"block {BLOCKS}, new {30 * STILL} s ago")
    stage.chain.extend()
    await stage.look()
    assert check("head")[0]
