"""Endpoints that contradict the others: kept out for a while, asked again before they return, never all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from connectors.evm.events import Head
from connectors.evm.pool import comparison
from connectors.evm.pool.cordon import FIRST_SECONDS, LONGEST_SECONDS
from connectors.evm.pool.nodes import Nodes
from connectors.evm.pool.refusal import LOOKS, START_SECONDS
from connectors.evm.pool.rejected import Rejected
from connectors.evm.pool.survey import Survey
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure
from connectors.evm.rpc.endpoint import Endpoint
from headwater.errors import Fatal
from headwater.health import HEALTH

FINAL = Head(7, bytes([7]) * 32, bytes(32), 0)


class Transport:
    """Nodes on chain 1, or as told, whose heads and blocks have the hashes that a test says."""

    def __init__(self) -> None:
        self.chain: dict[str, bytes] = {}
        self.hash: dict[str, bytes] = {}

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        if b"eth_chainId" in body:
            return HttpAnswer(200, b'{"result":"%b"}' % self.chain.get(url, b"0x1"))
        if b"eth_syncing" in body:
            return HttpAnswer(200, b'{"result":false}')
        digest = self.hash.get(url, FINAL.hash).hex().encode()
        return HttpAnswer(200, b'{"result":{"hash":"0x%b","timestamp":"0x1"}}' % digest)

    async def close(self) -> None:
        """Nothing to release."""


class Pool:
    """Nodes a, b, …; what each does is a test's: `lies` are those whose receipts root fails."""

    def __init__(self, names: str) -> None:
        self.now = 0.0
        self.transport = Transport()
        self.endpoints = [Endpoint("chain", name, name, self.transport) for name in names]
        self.nodes = Nodes(self.endpoints, 1, sleep=self._pause, clock=lambda: self.now)
        self.lies: set[str] = set()
        self.down: set[str] = set()
        self.asked: list[str] = []

    async def ask(self, *, rounds: int | None = 1) -> str:
        self.asked.clear()

        async def work(endpoint: Endpoint) -> str:
            self.asked.append(endpoint.name)
            if endpoint.name in self.down:
                raise NodeFailure(endpoint.name, "no answer in time", "timeout")
            if endpoint.name in self.lies:
                raise Rejected(endpoint.name, "receipts_root", "block 5: its receipts root is 0x01", "0x02")
            return endpoint.name

        return await self.nodes.ask(work, kind="block", rounds=rounds)

    async def look(self) -> None:
        await Survey(self.nodes, clock=lambda: self.now, finalized=lambda: FINAL).look()

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(0)


def cordoned(name: str, evidence: str = "receipts_root") -> float | None:
    labels = {"chain": "chain", "endpoint": name, "evidence": evidence}
    return REGISTRY.get_sample_value("headwater_node_cordoned", labels)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    HEALTH.report("nodes", True)


async def liar() -> Pool:
    """A pool whose endpoint a was just caught."""
    pool = Pool("ab")
    pool.lies = {"a"}
    assert await pool.ask() == "b"
    return pool


async def test_who_is_disproved_by_another_is_asked_no_more() -> None:
    pool = await liar()
    assert cordoned("a") == 1
    assert "a" in pool.nodes.cordons
    assert "a for receipts_root (block 5: its receipts root is 0x01)" in pool.nodes.cordons.shown()
    pool.down = {"b"}
    pool.now += FIRST_SECONDS - 1
    with pytest.raises(NodeFailure):
        await pool.ask()
    assert pool.asked == ["b", "a"], "the last that might answer is asked all the same"


async def test_it_returns_when_it_is_asked_the_same_again_and_agrees() -> None:
    pool = await liar()
    pool.lies = set()
    pool.now += FIRST_SECONDS - 1
    await pool.look()
    assert "a" in pool.nodes.cordons
    pool.now += 1
    await pool.look()
    assert "a" not in pool.nodes.cordons
    assert cordoned("a") == 0


async def test_who_contradicts_still_stays_out_for_twice_as_long_up_to_a_bound() -> None:
    pool, terms = await liar(), []
    for _ in range(8):
        start = pool.now
        pool.asked.clear()
        while not pool.asked:
            pool.now += FIRST_SECONDS
            await pool.look()
        terms.append(pool.now - start)
    assert terms == [60, 120, 240, 480, 960, 1920, 3600, LONGEST_SECONDS]


async def test_a_recheck_that_is_not_answered_keeps_the_endpoint_out() -> None:
    pool = await liar()
    pool.lies, pool.down = set(), {"a"}
    pool.now += FIRST_SECONDS
    await pool.look()
    assert "a" in pool.nodes.cordons


async def test_when_only_cordoned_endpoints_answer_readiness_says_so_and_they_are_used() -> None:
    pool = await liar()
    pool.lies, pool.down = set(), {"b"}
    assert await pool.ask() == "a"
    check = HEALTH.checks()["nodes"]
    assert not check.ok
    assert "only cordoned endpoints answer: a for receipts_root" in check.detail
    assert "HEADWATER_CHAIN__RPC" in check.detail
    assert REGISTRY.get_sample_value("headwater_nodes_all_cordoned", {"chain": "chain"}) == 1
    pool.down = set()
    assert await pool.ask() == "b"
    assert HEALTH.checks()["nodes"].ok
    assert REGISTRY.get_sample_value("headwater_nodes_all_cordoned", {"chain": "chain"}) == 0


async def test_every_endpoint_cordoned_after_the_other_still_answers_and_says_so() -> None:
    pool = await liar()
    pool.lies = {"b"}
    assert await pool.ask() == "a"
    assert {"a", "b"} == {name for name in "ab" if name in pool.nodes.cordons}
    assert await pool.ask() == "a"
    assert not HEALTH.checks()["nodes"].ok


async def test_what_fails_alike_everywhere_cordons_nobody() -> None:
    pool = Pool("ab")
    pool.lies = {"a", "b"}
    with pytest.raises(NodeFailure) as caught:
        await pool.ask()
    assert caught.value.everywhere
    assert not [name for name in "ab" if name in pool.nodes.cordons]


@pytest.mark.parametrize(
    ("rounds", "everywhere"),
    [
        (["0x02", "0x02", "0x02"], True),
        (["", "0x02", "0x02"], True),
        (["", "", "0x02"], False),
        (["0x02", "0x02", "0x03"], False),
    ],
)
async def test_one_bad_answer_of_the_only_endpoint_is_not_how_the_chain_is(
    rounds: list[str], everywhere: bool
) -> None:
    left = [*rounds]

    async def work(endpoint: Endpoint) -> str:
        if found := left.pop(0):
            raise Rejected("a", "receipts_root", "block 5: its receipts root is 0x01", found)
        raise NodeFailure("a", "no answer in time", "timeout")

    with pytest.raises(NodeFailure) as caught:
        await Pool("a").nodes.ask(work, rounds=3)
    assert caught.value.everywhere is everywhere


async def test_a_fork_between_two_calls_is_no_contradiction() -> None:
    pool = Pool("ab")

    async def work(endpoint: Endpoint) -> str:
        if endpoint.name == "a":
            raise Rejected("a", "receipts", "block 5: a receipt of another block")
        return "b"

    assert await pool.nodes.ask(work) == "b"
    assert "a" not in pool.nodes.cordons


async def test_the_odd_one_out_over_a_final_block_is_cordoned() -> None:
    pool = Pool("abc")
    pool.transport.hash["b"] = b"\x01" * 32
    await pool.look()
    assert cordoned("b", "finalized_hash") == 1
    assert "a" not in pool.nodes.cordons
    pool.now += FIRST_SECONDS
    pool.transport.hash.clear()
    await pool.look()
    assert "b" not in pool.nodes.cordons


async def test_a_final_block_that_nobody_has_cordons_nobody() -> None:
    pool = Pool("ab")
    pool.transport.hash = dict.fromkeys("ab", b"\x01" * 32)
    assert await pool.nodes.cordon_others(FINAL) == 0
    assert "a" not in pool.nodes.cordons


async def test_who_does_not_answer_over_a_final_block_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool("abc")
    pool.transport.hash["b"] = b"\x01" * 32
    real = pool.transport.post
    silent = asyncio.Event()

    async def post(url: str, body: bytes) -> HttpAnswer:
        if url == "c":
            await silent.wait()
        return await real(url, body)

    monkeypatch.setattr(pool.transport, "post", post)
    monkeypatch.setattr(comparison, "PATIENCE_SECONDS", 0.0)
    found = await pool.nodes.compare(FINAL)
    assert (found.agree, found.deny, found.silent, found.cordoned) == (["a"], ["b"], ["c"], 1)


async def test_the_endpoint_of_another_chain_is_cordoned() -> None:
    pool = Pool("ab")
    pool.transport.chain["b"] = b"0x5"
    await pool.look()
    assert cordoned("b", "chain_id") == 1
    pool.now += FIRST_SECONDS
    await pool.look()
    assert "b" in pool.nodes.cordons, "it is of that chain still"


async def test_another_chain_everywhere_stops_with_the_setting() -> None:
    pool = Pool("ab")
    pool.transport.chain = dict.fromkeys("ab", b"0x5")
    with pytest.raises(NodeFailure, match="is on chain 5, not 1: not used"):
        await pool.ask(rounds=3 * LOOKS)
    pool.now = START_SECONDS
    with pytest.raises(Fatal, match="every endpoint is on chain 5, not 1; correct HEADWATER_CHAIN__RPC"):
        await pool.ask()


async def test_another_chain_for_a_moment_is_no_other_chain_however_often_it_is_said() -> None:
    pool = Pool("a")
    for _ in range(3):
        pool.transport.chain = {"a": b"0x5"}
        with pytest.raises(NodeFailure):
            await pool.ask(rounds=LOOKS)
        pool.now += START_SECONDS
        pool.transport.chain = {}
        assert await pool.ask() == "a"
        pool.nodes.recheck()


async def test_one_wrong_answer_of_the_only_endpoint_is_asked_again() -> None:
    pool = Pool("a")
    answers: list[bytes] = [b"0x5", b"0x1"]
    real = pool.transport.post

    async def post(url: str, body: bytes) -> HttpAnswer:
        if b"eth_chainId" in body:
            pool.transport.chain["a"] = answers.pop(0)
        return await real(url, body)

    pool.transport.post = post  # type: ignore[method-assign]
    assert await pool.ask(rounds=None) == "a"


async def test_a_recheck_that_is_cancelled_is_left_to_the_next_one_that_asks() -> None:
    """Whoever asked was in a hurry: its answer was never there, and the endpoint is no longer kept out."""
    pool = Pool("ab")
    pool.lies.add("a")
    await pool.ask()
    assert "a" in pool.nodes.cordons
    pool.now += FIRST_SECONDS
    pool.lies.clear()
    asked = asyncio.Event()

    async def endless(endpoint: Endpoint) -> None:
        asked.set()
        await asyncio.Event().wait()

    async def nothing() -> None: ...

    rechecking = asyncio.create_task(pool.nodes.cordons.recheck(pool.endpoints[0], endless))
    await asked.wait()
    with pytest.raises(NodeFailure, match="cordoned for receipts_root"):
        await pool.nodes.on(pool.endpoints[0], nothing)  # it is asked already
    rechecking.cancel()
    await asyncio.gather(rechecking, return_exceptions=True)
    await pool.nodes.on(pool.endpoints[0], nothing)
    assert "a" not in pool.nodes.cordons
