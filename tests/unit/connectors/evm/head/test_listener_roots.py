"""The listener where receipts or transactions are not those that the header has the root of."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from connectors.evm.head.objection import ALONE_SECONDS
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal
from sandbox.node import RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import MemoryStore, hashes, make_rig, served, settled_rig


def _failed(receipts: object) -> object:
    """Each transaction is said to have failed: counts, gas and blooms are as they were."""
    assert isinstance(receipts, list)
    return [each | {"status": "0x0"} for each in receipts]


def _richer(block: object) -> object:
    if not isinstance(block, dict) or not isinstance(block["transactions"][0], dict):
        return block
    return block | {"transactions": [each | {"value": "0x7"} for each in block["transactions"]]}


async def test_a_disagreement_of_one_endpoint_is_a_bad_answer_and_another_is_asked() -> None:
    chain, node = served(6)
    liar = RecordedNode(chain)
    liar.set_lags(2, 4)
    liar.faults.add(f.Changed(_failed), "eth_getBlockReceipts", times=99)
    store = MemoryStore()
    await settled_rig(store, [liar, node])
    assert hashes(store) == chain.hashes
    assert liar.faults.taken >= 1


@pytest.mark.parametrize(
    ("edit", "method", "root"),
    [
        (_failed, "eth_getBlockReceipts", "receipts root is 0x"),
        (_richer, "eth_getBlockByNumber", r"transactions\[0\]\.hash is 0x"),
    ],
)
async def test_a_root_that_fails_alike_everywhere_stops_with_the_setting(
    edit: Callable[[object], object], method: str, root: str
) -> None:
    chain, node = served(6)
    other = RecordedNode(chain)
    for each in (node, other):
        each.faults.add(f.Changed(edit), method, times=999)
    store = MemoryStore()
    rig = make_rig(store, [node, other])
    await rig.log.open()
    with pytest.raises(Fatal, match=rf"block \d+: .*{root}.* alike at every endpoint; .*VERIFY_ROOTS=off"):
        await rig.settle()
    assert hashes(store) == []


async def test_endpoints_that_fail_each_in_its_own_way_are_asked_again() -> None:
    chain, node = served(6)
    other = RecordedNode(chain)
    node.faults.add(f.Changed(_failed), "eth_getBlockReceipts", times=99)
    other.faults.add(f.Changed(_richer), "eth_getBlockByNumber", times=99)
    store = MemoryStore()
    rig = make_rig(store, [node, other])
    await rig.log.open()
    with pytest.raises(NodeFailure, match="block 1: "):
        await rig.settle()
    node.faults.clear()
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_a_branch_below_finality_at_one_endpoint_alone_stops_nothing() -> None:
    chain, node = served(12, finalized_lag=4, safe_lag=2)
    store = MemoryStore()
    other_chain, other = served(12)
    rig = await settled_rig(store, {"http://other": None, "http://node": node})
    rig.listener._finality._clock = lambda: time.monotonic() + ALONE_SECONDS
    await rig.settle()
    assert rig.log.finalized is not None
    other_chain.fork(9, 14)
    rig.transport.nodes["http://other"] = other
    rig.nodes.endpoints.reverse()
    with pytest.raises(NodeFailure, match="other endpoints are asked"):
        await rig.settle()
    chain.extend(1)
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert "http://other" in rig.nodes.cordons
