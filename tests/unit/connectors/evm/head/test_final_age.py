"""A final block that stays the last one while the head goes on: said, and no reason for a restart."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import Mock

import orjson
import pytest
from prometheus_client import REGISTRY

import connectors.evm.head.final_age
from connectors.evm.head import confirmation, objection
from connectors.evm.head.final_age import ASK_SECONDS, PART, STILL_SECONDS
from headwater.health import HEALTH
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, accepted, hashes, make_rig
from tests.fakes.ruled_node import Call, Rule, RuledNode
from topics.chainlog.kinds import EventKind

DEPTH = 8


class Stage:
    """A listener over nodes of one chain whose `finalized` is what each rule says, None for the usual."""

    def __init__(self, *heights: int | None, first: int = 0, start: str = "5") -> None:
        self.seconds = 0.0
        self.chain = AdjustableChain.synthetic(20, first=first)
        self.heights = list(heights)
        self.store = MemoryStore()
        settings = ChainSettings(chain_id=CHAIN_ID, start=start, prefetch_blocks=4, finalized_depth=DEPTH)
        self.nodes = [RuledNode(self.chain, self._rule(at)) for at in range(len(heights))]
        self.rig: Rig = make_rig(self.store, self.nodes, chain=settings)
        self.rig.listener._finality._clock = lambda: self.seconds

    def _rule(self, at: int) -> Rule:
        def rule(call: Call) -> object:
            height = self.heights[at]
            if height is None or call["params"][:1] != ["finalized"]:
                return None
            block = self.chain.by_number(height)
            assert block is not None
            return orjson.loads(block.part("hashes") or b"")

        return rule

    async def begin(self) -> None:
        await self.rig.log.open()
        await self.rig.settle()

    async def grow(self, blocks: int) -> None:
        for _ in range(blocks):
            self.chain.extend()
            await self.rig.settle()

    @property
    def final(self) -> list[int]:
        return [each.head.number for each in accepted(self.store) if each.kind is EventKind.FINALIZED]  # type: ignore[union-attr]


def said() -> str:
    check = HEALTH.checks()[PART]
    assert check.ok, "no restart brings finality back"
    return check.detail


def stands() -> float | None:
    return REGISTRY.get_sample_value("headwater_chain_finality_stands", {"chain": "local"})


def disputed() -> float | None:
    return REGISTRY.get_sample_value("headwater_chain_finality_disputed", {"chain": "local"})


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    for part in (PART, "finality"):
        HEALTH.report(part, True)


@pytest.mark.parametrize(
    ("height", "words"),
    [
        (6, "block 6 is the last final for 1800 s, the head went on to 27, and the nodes name block 6"),
        (0, "no block has become final for 1800 s, the head went on to 27, and the nodes name block 0"),
    ],
    ids=["frozen", "genesis for ever"],
)
async def test_finality_that_stands_still_is_said_and_blocks_go_on(
    height: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Mock()
    monkeypatch.setattr(connectors.evm.head.final_age, "_log", log)
    stage = Stage(height)
    await stage.begin()
    await stage.grow(DEPTH - 1)
    stage.seconds = STILL_SECONDS
    stage.chain.fork(1, 1)
    await stage.rig.settle()
    assert "the head went on" not in said(), "the head has not gone so far"
    stage.chain.extend()
    stage.seconds = STILL_SECONDS - 1
    await stage.rig.settle()
    assert stands() == 0
    assert not log.warning.called
    stage.seconds = STILL_SECONDS
    stage.chain.fork(1, 1)
    await stage.rig.settle()
    assert words in said()
    assert "HEADWATER_CHAIN__RPC" in said()
    assert stands() == 1
    (line,) = log.warning.call_args_list
    assert line.args == ("finality stands still",)
    assert words in line.kwargs["reason"]
    stage.seconds *= 2
    await stage.grow(3)
    assert log.warning.call_count == 1
    assert hashes(stage.store) == stage.chain.hashes[5:]
    stage.heights = [None]
    await stage.grow(2)
    assert stage.final[-1] == stage.chain.last() - 4
    assert said() == f"block {stage.final[-1]}, new 0 s ago"
    assert stands() == 0
    assert log.info.call_args.args == ("finality goes on",)


async def test_a_chain_that_rests_has_nothing_to_finalize() -> None:
    stage = Stage(None)
    await stage.begin()
    for _ in range(3):
        stage.seconds += STILL_SECONDS
        await stage.rig.settle()
    await stage.grow(1)
    assert stands() == 0


async def test_a_first_choice_that_is_frozen_has_the_others_asked() -> None:
    """It names what is final already, which is nothing amiss: the two others were never asked."""
    stage = Stage(6, None, None)
    await stage.begin()
    await stage.grow(DEPTH)
    before = stage.final[-1]
    stage.seconds = ASK_SECONDS
    await stage.grow(2)
    assert before == 6
    assert stage.final[-1] == stage.chain.last() - 4


async def test_of_two_nodes_both_must_call_a_block_final() -> None:
    """One that calls its head final, as erigontech/erigon#6450 has it."""
    stage = Stage(19, None)
    await stage.begin()
    for _ in range(3 * DEPTH):
        stage.seconds += STILL_SECONDS
        stage.heights[0] = stage.chain.last() + 1
        await stage.grow(1)
        assert stage.final[-1] == stage.chain.last() - 4
    assert "is final to http://node0, and not yet to http://node1" in said()
    assert disputed() == 1
    assert HEALTH.checks()["finality"].detail == ""


@pytest.mark.parametrize("frozen", [6, 0], ids=["frozen", "genesis for ever"])
@pytest.mark.parametrize("at", [0, 1], ids=["first choice", "second"])
async def test_of_two_nodes_one_whose_finality_stands_still_is_waited_for_visibly(
    frozen: int, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Mock()
    monkeypatch.setattr(confirmation, "_log", log)
    heights = [None, None]
    stage = Stage(*(frozen if each == at else height for each, height in enumerate(heights)))
    await stage.begin()
    await stage.grow(2)
    stage.seconds = ASK_SECONDS
    await stage.grow(DEPTH)
    stage.seconds = objection.STILL_SECONDS - 1
    await stage.grow(1)
    assert max(stage.final, default=0) in (frozen, 0)
    assert f"is final to http://node{1 - at}, and not yet to http://node{at}" in said()
    assert stands() == 1
    stage.seconds += objection.STILL_SECONDS
    await stage.grow(2)
    assert stage.final[-1] == stage.chain.last() - 4
    assert f"and not to http://node{at}, where none became final for" in said()
    assert [line.args for line in log.warning.call_args_list] == [("finality goes on without a node",)]
    assert disputed() == 1
    stage.heights[at] = None
    await stage.grow(2)
    assert stage.final[-1] == stage.chain.last() - 4
    assert said() == f"block {stage.final[-1]}, new 0 s ago"
    assert disputed() == 0


async def test_of_two_nodes_one_that_lags_in_blocks_counts_as_one_that_is_away() -> None:
    stage = Stage(None, None)
    await stage.begin()
    lagging = stage.nodes[1]
    lagging.set_head(12)
    await stage.grow(2)
    before = stage.final[-1]
    stage.seconds += objection.ALONE_SECONDS
    await stage.grow(1)
    assert before == 15
    assert stage.final[-1] == stage.chain.last() - 4
