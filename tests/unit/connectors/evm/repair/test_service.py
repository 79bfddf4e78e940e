"""Requests for repairs: what is said again, and what is refused."""

from __future__ import annotations

import orjson

from connectors.evm.repair.channel import Asked
from connectors.evm.repair.request import PUBLISHED, REFUSED
from connectors.evm.repair.service import ATTEMPTS, batches
from sandbox.node import faults as f
from tests.builders.repair_requests import repair_request
from tests.fakes.listening import MemoryStore, hashes, served, settled_rig
from tests.fakes.repairing import asked, events, last, settled_far_back, touched


async def test_a_block_on_the_branch_is_said_again_with_what_was_said() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    calls = sum(node.calls.values())
    (outcome,) = await asked(rig, repair_request(4))
    event, block = last(store), chain.by_number(4)
    assert block is not None
    assert (event["event"], event["block"]) == ("REPAIR", block.part("block"))
    assert (event["block_number"], event["block_hash"].hex()) == (4, block.hash[2:])
    assert event["parent_hash"].hex() == block.parent[2:]
    assert (event["replaced_block"], event["replaced_receipts"]) == (None, None)
    assert "parent_link" in event["verified"]
    assert (outcome.outcome, outcome.sequence, outcome.source) == (PUBLISHED, event["sequence"], "raw-blocks")
    assert (outcome.removed, outcome.problem) == (False, None)
    assert "0x" + (outcome.request.block_hash or b"").hex() == block.hash
    assert sum(node.calls.values()) == calls
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    await rig.close()


async def test_a_refetch_says_what_the_node_says_now_and_what_that_replaces() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    block = chain.by_number(4)
    assert block is not None
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    (outcome,) = await asked(rig, repair_request(4, block.hash, refetch=True))
    first = last(store)
    assert outcome.source == "http://node0"
    assert first["receipts"] != block.part("receipts")
    assert orjson.loads(first["receipts"])[0]["effectiveGasPrice"] == "0x123456"
    assert (first["replaced_block"], first["replaced_receipts"]) == (None, block.part("receipts"))
    assert "parent_link" in first["verified"]
    # What follows begins with that: the next one, a fork, and a listener that starts anew.
    await asked(rig, repair_request(4, block.hash, id="again"))
    assert last(store)["receipts"] == first["receipts"]
    await asked(rig, repair_request(4, block.hash, refetch=True, id="back"))
    assert last(store)["receipts"] == block.part("receipts")
    assert last(store)["replaced_receipts"] == first["receipts"]
    await rig.close()


async def test_two_requests_for_one_block_follow_each_other() -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    block = chain.by_number(4)
    assert block is not None
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    one = repair_request(4, refetch=True, id="one")
    await asked(rig, one, repair_request(5), repair_request(4, refetch=True, id="two"))
    first, _, second = events(store)
    assert second["replaced_receipts"] == first["receipts"]
    assert second["receipts"] == first["replaced_receipts"] == block.part("receipts")
    await rig.close()


def test_requests_are_taken_together_but_for_those_of_one_height() -> None:
    requests = [repair_request(1), repair_request(2), repair_request(1), None, repair_request(1), None]
    together = batches([Asked(offset, request) for offset, request in enumerate(requests)])
    assert [[each.offset for each in batch] for batch in together] == [[0, 1], [2, 3], [4, 5]]


async def test_the_removal_of_an_orphan_is_said_again() -> None:
    chain, node = served(8, keeps_orphans=False)
    store = MemoryStore()
    rig = await settled_rig(store, [node], part_bytes=900)
    orphan = chain.by_number(7)
    assert orphan is not None
    chain.fork(3)
    await rig.settle()
    (outcome,) = await asked(rig, repair_request(7, orphan.hash))
    assert (outcome.outcome, outcome.removed, outcome.source) == (PUBLISHED, True, "raw-blocks")
    parts = events(store)
    assert {each["event"] for each in parts} == {"REPAIR_REVERT"}
    assert b"".join(each["block"] or b"" for each in parts) == orphan.part("block")
    assert hashes(store) == chain.hashes
    # A node that has dropped it cannot say it again, and the request does not wait for ever.
    (outcome,) = await asked(rig, repair_request(7, orphan.hash, refetch=True, id="refetch"))
    assert outcome.outcome == REFUSED
    assert f"in {ATTEMPTS} attempts" in str(outcome.problem)
    assert "without a refetch" in str(outcome.problem)
    await rig.close()


async def test_what_cannot_be_said_is_refused_with_a_remedy() -> None:
    store = MemoryStore()
    _, node, rig = await settled_far_back(store)
    before = len(store.log)
    outcomes = await asked(
        rig,
        repair_request(41),
        repair_request(39, bytes(32)),
        repair_request(6, bytes(32)),
        repair_request(7, chain_id=5),
    )
    assert {each.outcome for each in outcomes} == {REFUSED}
    words = ["the last one is 40", "is not canonical", "is not canonical", "for chain 5"]
    for each, word in zip(outcomes, words, strict=True):
        assert word in str(each.problem)
        assert "; " in str(each.problem)
        assert each.sequence is None
    assert len(store.log) == before
    for method in ("eth_getBlockByHash", "eth_getBlockByNumber"):
        node.faults.add(f.CallError(-32601, "the method does not exist"), method, times=1)
    (outcome,) = await asked(rig, repair_request(39, refetch=True))
    assert "no node can serve block 39" in str(outcome.problem)
    await rig.close()


async def test_a_request_that_cannot_be_read_is_left_out() -> None:
    _, node = served(6)
    rig = await settled_rig(MemoryStore(), [node])
    (outcome,) = await asked(rig, None, repair_request(4), None)
    assert outcome.outcome == PUBLISHED
    assert rig.channel.committed == 3
    await rig.close()
