"""Repairs of final blocks, which are found far back in the log, or in no log any more."""

from __future__ import annotations

import orjson

from connectors.evm.repair.request import PUBLISHED
from sandbox.node import faults as f
from tests.builders.repair_requests import repair_request
from tests.fakes.listening import MemoryStore, settled_rig, stored
from tests.fakes.repairing import asked, events, last, settled_far_back, touched
from topics.chainlog.kinds import EventKind


async def test_a_final_block_is_found_far_back_in_the_log() -> None:
    store = MemoryStore()
    chain, node, rig = await settled_far_back(store, part_bytes=900)
    block = chain.by_number(5)
    assert block is not None
    assert rig.log.branch.at(5) is None
    fetched = node.calls["eth_getBlockReceipts"]
    outcomes = await asked(rig, repair_request(5), repair_request(5, block.hash, id="named"))
    assert [each.outcome for each in outcomes] == [PUBLISHED] * 2
    assert b"".join(each["block"] or b"" for each in events(store)) == 2 * (block.part("block") or b"")
    assert node.calls["eth_getBlockReceipts"] == fetched
    await rig.close()


async def test_a_final_block_begins_with_its_last_repair_also_after_a_restart() -> None:
    store = MemoryStore()
    chain, node, rig = await settled_far_back(store)
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    await asked(rig, repair_request(5, refetch=True))
    repaired = last(store)["receipts"]
    assert orjson.loads(repaired)[0]["effectiveGasPrice"] == "0x123456"
    # Far back by now, so that a listener that starts does not come across it.
    chain.extend(600)
    await rig.settle()
    again = await settled_rig(store, [node], channel=rig.channel)
    block = chain.by_number(5)
    assert block is not None
    assert again.log.repair_of(bytes.fromhex(block.hash[2:])) is None
    await asked(again, repair_request(5, id="again"))
    assert last(store)["receipts"] == repaired
    await asked(again, repair_request(5, refetch=True, id="back"))
    assert last(store)["replaced_receipts"] == repaired
    await again.close()


async def test_a_repair_without_an_outcome_is_known_to_the_listener_that_comes_next() -> None:
    store = MemoryStore()
    _, node, rig = await settled_far_back(store)
    node.faults.add(f.Changed(touched), "eth_getBlockReceipts")
    rig.channel.fail_outcomes = 1_000_000
    rig.channel.requests.append(repair_request(5, refetch=True))
    await rig.answer(lambda: events(store))
    await rig.close()
    rig.channel.fail_outcomes = 0
    again = await settled_rig(store, [node], channel=rig.channel)
    await again.answer()
    first, second = events(store)
    assert second["replaced_receipts"] == first["receipts"]
    assert rig.channel.latest["5"].sequence == second["sequence"]
    await again.close()


async def test_what_retention_took_is_fetched_again() -> None:
    store = MemoryStore()
    chain, node, rig = await settled_far_back(store)
    again = await settled_rig(store, [node], channel=rig.channel)
    chain.extend(20)
    await again.settle()
    last_claim = [each for each in stored(store) if each.kind is EventKind.CLAIM][-1]
    store.trim(last_claim.position.offset)
    block = chain.by_number(5)
    assert block is not None
    (outcome,) = await asked(again, repair_request(5, block.hash))
    assert (outcome.outcome, outcome.source) == (PUBLISHED, "http://node0")
    assert (last(store)["block"], last(store)["receipts"]) == (block.part("block"), block.part("receipts"))
    await again.close()
