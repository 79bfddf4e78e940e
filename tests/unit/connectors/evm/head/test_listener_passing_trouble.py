"""One endpoint, behind which there may be many nodes: what it says for a while, and for long."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import Mock

import orjson
import pytest

import connectors.evm.head.refusals
from connectors.evm.head.refusals import PART
from connectors.evm.pool.refusal import LASTS_SECONDS, LOOKS, START_SECONDS
from headwater.errors import Fatal
from headwater.health import HEALTH, Check
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, hashes, make_rig
from tests.fakes.ruled_node import Call, Error, Rule, RuledNode

NO_METHOD = Error(-32601, "the method does not exist/is not available")
PRUNED = Error(4444, "pruned history unavailable")
OTHER = RecordedNode(AdjustableChain.synthetic(20, seed=1), safe_lag=2, finalized_lag=4)
"""A node of a chain that has no block in common with ours."""


def no_method(call: Call) -> object:
    return NO_METHOD if call["method"].startswith("eth_getBlock") else None


def pruned(call: Call) -> object:
    of_blocks = call["method"].startswith("eth_getBlock") and call["params"][-1] is not False
    return PRUNED if of_blocks else None


def other_chain(call: Call) -> object:
    return "0x1" if call["method"] == "eth_chainId" else None


def other_branch(call: Call) -> object:
    if call["method"] in ("eth_chainId", "eth_syncing"):
        return None
    return orjson.loads(OTHER.respond(orjson.dumps(call))[0]).get("result")


CASES = {
    "no method": (no_method, r"no endpoint can serve this chain: .*; check chain.rpc and chain.traces"),
    "pruned": (pruned, r"no endpoint keeps history so old: .*4444.*; .*--start N"),
    "other chain": (other_chain, r"every endpoint is on chain 1, not 31337; correct HEADWATER_CHAIN__RPC"),
    "fork": (other_branch, r"forks below the finalized block .*; check the node; .*--accept-fork 0x"),
}


@dataclass
class Stage:
    """A listener on one endpoint, which follows the rule while it is `ill`; a look takes `step` seconds."""

    rule: Rule
    ill: bool = False
    now: float = 0.0
    step: float = 1.0

    async def begin(self, *, start: str = "1") -> None:
        self.chain = AdjustableChain.synthetic(12)
        self.store = MemoryStore()
        node = RuledNode(self.chain, lambda call: self.rule(call) if self.ill else None)
        settings = ChainSettings(chain_id=CHAIN_ID, start=start, prefetch_blocks=2)
        self.rig: Rig = make_rig(self.store, [node], chain=settings)
        self.rig.nodes._admission._patience._clock = lambda: self.now
        self.rig.nodes._rounds._sleep = self._sleep
        self.rig.listener._refusals._clock = lambda: self.now

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            behind = True
            while behind:
                behind = await self.rig.listener._under_claim()
            self.now += self.step
            self.rig.nodes.recheck()


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    HEALTH.fail("")
    yield
    HEALTH.fail("")
    for part in (PART, "nodes", "finality", "branch"):
        HEALTH.report(part, True)


def refused() -> Check:
    return HEALTH.checks()[PART]


EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@EACH
async def test_what_passes_is_waited_out_and_said(
    case: tuple[Rule, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, words = case
    log = Mock()
    monkeypatch.setattr(connectors.evm.head.refusals, "_log", log)
    stage = Stage(rule)
    await stage.begin()
    await stage.look()
    stage.ill, stage.step = True, 0.1
    stage.chain.extend()
    before = len(stage.store.log)
    await stage.look(4 * LOOKS)
    assert len(stage.store.log) == before
    assert not refused().ok
    assert re.search(words, refused().detail)
    assert f"the listener ends when all have said so for {LASTS_SECONDS:.0f} s" in refused().detail
    assert log.warning.call_args.args == ("all nodes refuse: looking again",)
    assert re.search(words, log.warning.call_args.kwargs["reason"])
    stage.ill = False
    await stage.look(2)
    assert hashes(stage.store) == stage.chain.hashes
    assert refused() == Check(True, "")
    assert HEALTH.alive()


@EACH
async def test_what_lasts_ends_the_listener_with_the_remedy(case: tuple[Rule, str]) -> None:
    rule, words = case
    stage = Stage(rule)
    await stage.begin()
    await stage.look()
    stage.ill, stage.step = True, 5.0
    stage.chain.extend()
    began = stage.now
    with pytest.raises(Fatal, match=words):
        await stage.look(int(LASTS_SECONDS))
    assert stage.now - began >= LASTS_SECONDS
    assert not HEALTH.alive()


@EACH
async def test_looks_that_end_well_between_begin_the_time_anew(case: tuple[Rule, str]) -> None:
    stage = Stage(case[0], step=LASTS_SECONDS / 3)
    await stage.begin()
    for _ in range(4):
        stage.ill = False
        stage.chain.extend()
        await stage.look()
        stage.ill = True
        stage.chain.extend()
        await stage.look(2)
    stage.ill = False
    await stage.look(2)
    assert hashes(stage.store) == stage.chain.hashes


@pytest.mark.parametrize("name", ["no method", "pruned"])
async def test_nothing_is_waited_for_long_while_nothing_is_published(name: str) -> None:
    rule, words = CASES[name]
    stage = Stage(rule, ill=True)
    await stage.begin()
    with pytest.raises(Fatal, match=words):
        await stage.look(100)
    assert START_SECONDS <= stage.now < 3 * START_SECONDS


@pytest.mark.parametrize("name", ["no method", "pruned", "other chain"])
async def test_one_odd_answer_at_the_start_ends_nothing(name: str) -> None:
    stage = Stage(CASES[name][0], ill=True, step=START_SECONDS)
    await stage.begin()
    await stage.look()
    assert not refused().ok
    stage.ill = False
    await stage.look()
    assert hashes(stage.store) == stage.chain.hashes


async def test_a_failure_of_another_kind_begins_the_time_anew() -> None:
    """Of two refusals two minutes apart, with no answer in between, nobody knows that they lasted."""
    stage = Stage(no_method, step=LASTS_SECONDS)
    await stage.begin()
    await stage.look()
    stage.ill = True
    rules = [no_method, lambda _: Error(-32603, "Internal error")]
    stage.rig.nodes._rounds._seconds = 0.05
    for at in range(4 * LOOKS):
        stage.rule = rules[at % 2]
        await stage.look()
    assert HEALTH.alive()
