"""Heads that count only where enough endpoints have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import pytest
from prometheus_client import REGISTRY

from connectors.evm.events import Head
from connectors.evm.pool.asking.work import Work
from connectors.evm.pool.connect import connect
from connectors.evm.pool.quorum import NoQuorum, Quorum
from connectors.evm.pool.seam import Pool
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.settings import ChainSettings, load_settings
from sandbox.node import RecordedNode
from tests.fakes.listening import CHAIN_ID, MemoryStore, hashes, served, settled_rig

Chain = dict[int, bytes]


def chain(length: int, branch: bytes = b"", fork: int = 0) -> Chain:
    """Hashes of a chain's blocks; from `fork` on they are those of `branch`."""
    return {at: (branch if at >= fork else b"") + bytes([at]) * 2 for at in range(1, length + 1)}


class Chains:
    """A pool of endpoints, each with its chain, None where it does not answer."""

    def __init__(self, chains: list[Chain | None]) -> None:
        self.chains = chains

    async def each(
        self, work: Callable[[Chain], Head | None], *, enough: int | None = None
    ) -> list[tuple[str, Head | None]]:
        return [(f"node{at}", work(own)) for at, own in enumerate(self.chains) if own is not None]


def at(number: int) -> Callable[[Chain], Head | None]:
    return lambda own: Head(number, own[number], b"", 0) if number in own else None


def tip(own: Chain) -> Head | None:
    return at(max(own))(own)


class Asked:
    """A quorum over chains, and its clock."""

    def __init__(self, chains: list[Chain | None], needed: int) -> None:
        self.now = 0.0
        self.pool = Chains(chains)
        self.quorum = Quorum("chain", cast(Pool, self.pool), needed, 30.0, lambda: self.now)

    async def head(self) -> int:
        found = await self.quorum.head(
            cast(Work[Head | None], tip), cast(Callable[[int], Work[Head | None]], at)
        )
        return found.number

    async def confirm(self, head: Head) -> None:
        await self.quorum.confirm(head, cast(Callable[[int], Work[Head | None]], at))


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    HEALTH.report("quorum", True)


@pytest.mark.parametrize(
    ("chains", "needed", "expected"),
    [
        ([chain(5), chain(5), chain(4)], 2, 5),
        ([chain(9), chain(5), chain(4)], 2, 5),
        ([chain(9), chain(5), chain(4)], 3, 4),
        ([chain(9, b"lie", 3), chain(5), chain(5)], 2, 5),
        ([chain(5), None, chain(5)], 2, 5),
    ],
)
async def test_the_highest_block_that_enough_have(
    chains: list[Chain | None], needed: int, expected: int
) -> None:
    assert await Asked(chains, needed).head() == expected


async def test_a_fork_is_waited_for_visibly_and_readiness_fails_when_it_lasts() -> None:
    asked = Asked([chain(5, b"a", 5), chain(5, b"b", 5)], 2)
    with pytest.raises(
        NoQuorum, match=r"2 endpoints must agree .*QUORUM.*node0 has 5 0x61.*node1 has 5 0x62"
    ):
        await asked.head()
    assert HEALTH.checks()["quorum"].ok
    assert "waiting: 2 endpoints" in HEALTH.checks()["quorum"].detail
    assert REGISTRY.get_sample_value("headwater_quorum_waits", {"chain": "chain"}) == 1
    asked.now = 30.0
    with pytest.raises(NoQuorum):
        await asked.head()
    assert not HEALTH.checks()["quorum"].ok
    asked.pool.chains = [chain(6), chain(6)]
    assert await asked.head() == 6
    assert HEALTH.checks()["quorum"].ok
    assert REGISTRY.get_sample_value("headwater_quorum_waits", {"chain": "chain"}) == 0


async def test_one_answer_of_two_is_no_quorum() -> None:
    with pytest.raises(NoQuorum, match="node0 has 5"):
        await Asked([chain(5), None], 2).head()


async def test_a_height_is_confirmed_by_those_that_have_it() -> None:
    asked = Asked([chain(5), chain(5), chain(9, b"lie", 3)], 2)
    await asked.confirm(Head(4, bytes([4]) * 2, b"", 0))
    with pytest.raises(NoQuorum):
        await asked.confirm(Head(4, b"lie" + bytes([4]) * 2, b"", 0))


async def test_the_listener_publishes_what_two_of_three_have_whoever_is_asked_first() -> None:
    settings = ChainSettings(chain_id=CHAIN_ID, start="earliest", prefetch_blocks=4, quorum=2)
    chain, node = served(6)
    liar_chain, liar = served(6)
    liar_chain.fork(3, 9)
    store = MemoryStore()
    nodes = {"http://liar": liar, "http://one": node, "http://two": RecordedNode(chain)}
    rig = await settled_rig(store, nodes, chain=settings)
    assert hashes(store) == chain.hashes
    rig.transport.nodes.pop("http://two")
    chain.extend(1)
    with pytest.raises(NoQuorum):
        await rig.settle()
    assert len(hashes(store)) == 6


async def test_more_than_there_are_is_refused() -> None:
    settings = load_settings({"chain": {"rpc": ["http://a"], "quorum": 2}}, environ={})
    with pytest.raises(Fatal, match="2 endpoints must agree, and there are 1"):
        connect(settings)


async def test_what_is_asked_beside_the_head_says_nothing_of_its_quorum() -> None:
    asked = Asked([chain(5), None], 2)
    with pytest.raises(NoQuorum):
        await asked.head()
    waits = HEALTH.checks()["quorum"].detail
    aside = Quorum("chain", cast(Pool, Chains([chain(5), chain(5)])), 2, 30.0, shown=False)
    await aside.confirm(Head(4, bytes([4]) * 2, b"", 0), cast(Callable[[int], Work[Head | None]], at))
    assert HEALTH.checks()["quorum"].detail == waits
    assert REGISTRY.get_sample_value("headwater_quorum_waits", {"chain": "chain"}) == 1
    with pytest.raises(NoQuorum):
        await Quorum("aside", cast(Pool, Chains([])), 2, 30.0, shown=False).head(
            cast(Work[Head | None], tip), cast(Callable[[int], Work[Head | None]], at)
        )
    assert HEALTH.checks()["quorum"].detail == waits
    assert REGISTRY.get_sample_value("headwater_quorum_waits", {"chain": "aside"}) is None
