"""Where hashes of headers are not checked, one hash may be said of two heights: it is of one block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.events import Head
from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.rpc.answers import NodeFailure
from headwater.evm.bloom import Bloom
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain
from tests.fakes.listening import CHAIN_ID, MemoryStore, accepted, hashes, make_rig
from tests.fakes.ruled_node import Call, RuledNode, number_of
from topics.chainlog.kinds import EventKind

UNCHECKED = Verifier(Bloom(), header_hash=False, logs_bloom=False, gas_used=False)
FIRST = 100
CHAIN = [(0, b"a", b"-"), (1, b"b", b"a"), (2, b"c", b"b"), (3, b"b", b"c")]


def _says(chain: AdjustableChain, height: int, hash_of: str) -> Callable[[Call], Any]:
    """A height, and the head where it is that, with another block's hash."""

    def rule(call: Call) -> Any:
        method, about = call["method"], call["params"][:1]
        head = about == ["latest"] and chain.last() == height
        if method != "eth_getBlockByNumber" or (number_of(call) != height and not head):
            return None
        block = chain.by_number(height)
        assert block is not None
        said = orjson.loads(block.part("block" if call["params"][1] else "hashes"))
        return said | {"hash": hash_of, "transactions": [], "gasUsed": "0x0"}

    return rule


@pytest.mark.parametrize("below", [1, 2, 3])
@pytest.mark.parametrize("caught_up", [True, False], ids=["at the head", "catching up"])
async def test_a_block_with_the_hash_of_one_below_it_is_not_published(below: int, caught_up: bool) -> None:
    """It was, and nothing could end the listener's trouble: neither the next final block nor a start."""
    chain = AdjustableChain.synthetic(3 if caught_up else 8, first=FIRST)
    rules: list[Callable[[Call], Any]] = []
    node = RuledNode(chain, lambda call: rules[0](call) if rules else None)
    store, settings = MemoryStore(), ChainSettings(chain_id=CHAIN_ID, start=str(FIRST), prefetch_blocks=4)
    rig = make_rig(store, [node], chain=settings, verifier=UNCHECKED)
    await rig.log.open()
    if caught_up:
        await rig.settle()
        chain.extend()
    rules.append(_says(chain, FIRST + 3, chain.hashes[3 - below]))
    with suppress(NodeFailure):
        await rig.settle()
    assert hashes(store) == chain.hashes[: len(hashes(store))]
    rules.clear()
    chain.extend(4)
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert [each.kind for each in accepted(store)].count(EventKind.REVERT) == 0
    assert rig.log.branch.finalized is not None


async def test_a_log_that_has_one_hash_twice_is_read_and_goes_on() -> None:
    """As it was published before."""
    branch = PublishedBranch(whole=True)
    heads = [Head(number, digest, parent, 1) for number, digest, parent in CHAIN]
    for offset, head in enumerate(heads):
        branch.applied(Link(head, offset, offset + 1, offset))
    branch.moved_finalized(heads[2])
    assert branch.holds(heads[3].hash)
    assert branch.reverted().head == heads[3]
    assert branch.tip == branch.finalized == heads[2]
