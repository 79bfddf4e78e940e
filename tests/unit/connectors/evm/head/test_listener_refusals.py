"""What a node refuses for ever, or once, and the way on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from unittest.mock import Mock

import orjson
import pytest

import connectors.evm.head.listener
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal
from headwater.health import HEALTH, Check
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.answers import Part
from sandbox.node.faults import Changed, Status
from sandbox.node.synthetic import Content, synthetic_block
from tests.fakes.listening import CHAIN_ID, MemoryStore, hashes, look_for_long, make_rig, served, settled_rig
from tests.fakes.ruled_node import NULL, Call, Error, Rule, RuledNode, number_of, rig_on

INTERNAL = Error(-32603, "Internal error")
NOT_FOUND = Error(-32000, "block not found")
NO_METHOD = Error(-32601, "the method does not exist/is not available")


def of(method: str, answer: object) -> Rule:
    return lambda call: answer if call["method"] == method else None


def once(rule: Rule) -> Rule:
    """The rule for the first call that it is about."""
    answered: list[Call] = []

    def first(call: Call) -> object:
        answer = None if answered else rule(call)
        if answer is not None:
            answered.append(call)
        return answer

    return first


@pytest.mark.parametrize(
    "answer",
    [NULL, INTERNAL, NOT_FOUND, Error(-32000, "failed to find transaction in block"), NO_METHOD],
    ids=["null", "internal", "not found", "failed to find", "no method"],
)
@pytest.mark.parametrize("method", ["eth_getBlockReceipts", "eth_getBlockByHash"])
async def test_what_a_node_cannot_do_in_one_way_is_asked_in_another(method: str, answer: object) -> None:
    chain, store, rig = await rig_on(of(method, answer))
    await rig.settle()
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert rig.pauses == []


async def test_an_endpoint_that_wants_to_be_paid_is_left_alone() -> None:
    chain, node = served(6)
    unpaid = RecordedNode(chain)
    unpaid.set_lags(2, 4)
    unpaid.faults.add(Status(402), "eth_getBlockByNumber", times=999)
    store = MemoryStore()
    rig = await settled_rig(store, [unpaid, node])
    assert hashes(store) == chain.hashes
    assert (rig.pauses, unpaid.faults.taken) == ([], 1)
    unpaid.faults.clear()
    unpaid.faults.add(Status(402), "eth_getBlockByNumber")
    store = MemoryStore()
    rig = await settled_rig(store, [unpaid])
    assert hashes(store) == chain.hashes
    assert rig.pauses[0] >= 60.0


@pytest.mark.parametrize("answer", [NOT_FOUND, Error(-39001, "Unknown block")], ids=["words", "code"])
async def test_a_first_block_that_is_refused_in_words_is_one_that_is_not_there(answer: object) -> None:
    def rule(call: Call) -> object:
        return answer if call["params"][:1] in (["earliest"], ["0x0"]) else None

    _, _, rig = await rig_on(rule, start="earliest")
    with pytest.raises(Fatal, match="no endpoint has an earliest block; give --start N"):
        await rig.settle()
    _, _, rig = await rig_on(rule, start="0")
    with pytest.raises(Fatal, match=r"block 0 cannot be had whole from any node: .*--start 1"):
        await rig.settle()


@pytest.mark.parametrize(
    "words",
    [
        "Block #103 does not exist",
        "BlockOutOfRangeError: block height is 102 but requested was 103",
        "Invalid block number",
        "requested block is in the future",
    ],
)
@pytest.mark.parametrize("code", [-32602, -32000])
async def test_a_block_that_is_refused_once_is_asked_for_again(words: str, code: int) -> None:
    def refused(call: Call) -> object:
        asked = call["method"] == "eth_getBlockByNumber" and number_of(call) == 103
        return Error(code, words) if asked else None

    chain, store, rig = await rig_on(once(refused))
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_history_that_a_node_let_go_of_is_said_with_the_remedy_in_whatever_words() -> None:
    pruned = Error(-32000, "old data not available due to pruning")
    _, store, rig = await rig_on(
        lambda call: (
            pruned if call["method"] == "eth_getBlockByNumber" and number_of(call) in (100, 101) else None
        )
    )
    with pytest.raises(Fatal, match=r"no endpoint keeps history so old: .*; .*--start N"):
        await rig.settle()
    assert hashes(store) == []


async def test_while_all_refuse_one_block_is_asked_for_until_it_is_there() -> None:
    asked: list[int] = []
    refused = [True]

    def rule(call: Call) -> object:
        if call["method"] != "eth_getBlockByNumber" or (number := number_of(call)) is None:
            return None
        asked.append(number)
        return Error(4444, "pruned history unavailable") if number < 104 and refused else None

    chain, store, rig = await rig_on(rule)
    await rig.listener._looked()
    assert {100, 101} <= set(asked)
    for _ in range(3):
        asked.clear()
        await rig.listener._looked()
        assert set(asked) == {100}
    refused.clear()
    await rig.listener._looked()
    assert hashes(store) == chain.hashes


async def test_a_tag_that_is_called_invalid_is_one_that_the_node_does_not_know() -> None:
    """Finality by depth then, as of any chain without tags."""
    chain, store, rig = await rig_on(
        lambda call: (
            Error(-32602, "Invalid block number") if call["params"][:1] in (["finalized"], ["safe"]) else None
        )
    )
    chain.extend(100)
    await look_for_long(rig, chain)
    assert rig.log.branch.finalized is not None
    assert hashes(store) == chain.hashes


@pytest.mark.parametrize(
    "change",
    [
        lambda receipts: receipts[::-1],
        lambda receipts: [receipts[0], *receipts[:-1]],
        lambda receipts: [*receipts[1:], receipts[-1]],
        lambda receipts: [*receipts, receipts[0]],
        lambda receipts: receipts[:-1],
    ],
    ids=["backwards", "the last missing, one twice", "the first missing, one twice", "one twice", "cut"],
)
async def test_receipts_of_other_places_are_put_in_order_or_asked_for_singly(
    change: Callable[[list[object]], list[object]],
) -> None:
    chain, node = served(6)
    node.faults.add(
        Changed(lambda answer: change(answer) if isinstance(answer, list) and len(answer) > 1 else answer),
        "eth_getBlockReceipts",
        times=99,
    )
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    assert node.faults.taken >= 6
    assert hashes(store) == chain.hashes
    assert rig.pauses == []


@pytest.mark.parametrize("answer", [NO_METHOD, Error(-32602, "invalid params")], ids=["method", "params"])
async def test_a_refusal_is_believed_when_it_lasts(answer: Error) -> None:
    chain, store, rig = await rig_on(once(of("eth_getBlockByNumber", answer)))
    running = asyncio.create_task(rig.listener.run())
    await store.until(lambda: hashes(store) == chain.hashes)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert hashes(store) == chain.hashes

    _, store, rig = await rig_on(of("eth_getBlockByNumber", answer))
    with pytest.raises(Fatal, match=r"no endpoint can serve this chain: .*eth_getBlockByNumber"):
        await rig.listener.run()
    assert hashes(store) == []
    assert not HEALTH.checks()["refused"].ok


async def test_nodes_that_give_no_good_answer_are_asked_for_ever_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, health = Mock(), []
    log.warning.side_effect = lambda *_, **__: health.append(HEALTH.checks()["nodes"])
    monkeypatch.setattr(connectors.evm.head.listener, "_log", log)

    def rule(call: Call) -> object:
        return INTERNAL if call["params"][:1] == ["latest"] and len(health) < 3 else None

    chain, store, rig = await rig_on(rule, seconds=0.05)
    running = asyncio.create_task(rig.listener.run())
    await store.until(lambda: len(store.log) > len(chain.hashes))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert hashes(store) == chain.hashes
    within = "none gave a good answer within 0.05 s (HEADWATER_CHAIN__OVERALL_TIMEOUT_SECONDS)"
    for line, check in zip(log.warning.call_args_list[:3], health[:3], strict=True):
        assert line.args == ("looking at the head again",)
        # Where the time is over while the node is asked, that it has not answered is its reason.
        assert line.kwargs["endpoint"] == "nodes"
        assert line.kwargs["reason"].startswith(f"{within}: http://node0: ")
        assert check == Check(False, line.kwargs["reason"])
    assert HEALTH.checks()["nodes"].ok


@pytest.mark.parametrize(
    "answer",
    [INTERNAL, Error(-32000, "not on this plan"), NO_METHOD, "false", NULL, 0],
    ids=["internal", "plan", "no method", "false", "null", "0"],
)
async def test_a_node_that_cannot_say_whether_it_syncs_is_used(answer: object) -> None:
    chain, store, rig = await rig_on(of("eth_syncing", answer))
    async with asyncio.timeout(20):
        await rig.settle()
    assert hashes(store) == chain.hashes
    assert rig.pauses == []


@pytest.mark.parametrize(
    "change",
    [
        lambda receipts: [None, *receipts[1:]],
        lambda receipts: [each["transactionHash"] for each in receipts],
        lambda receipts: [receipts],
        lambda receipts: {"receipts": receipts},
        lambda receipts: True,
    ],
    ids=["a null in it", "hashes", "nested", "an object", "a flag"],
)
async def test_a_list_of_receipts_that_cannot_be_read_is_asked_for_singly(
    change: Callable[[list[dict[str, object]]], object],
) -> None:
    chain, node = served(6)
    node.faults.add(
        Changed(lambda answer: change(answer) if isinstance(answer, list) and answer else answer),
        "eth_getBlockReceipts",
        times=99,
    )
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    assert hashes(store) == chain.hashes
    assert rig.pauses == []


async def test_a_start_below_the_first_block_is_said_with_the_remedy() -> None:
    _, store, rig = await rig_on(lambda _: None, start="50")
    with pytest.raises(Fatal, match=r"no endpoint has block 50: the first .* is block 100; .*--start 100"):
        await rig.settle()
    assert hashes(store) == []


async def test_a_start_below_the_first_block_waits_for_a_node_that_is_away() -> None:
    chain = AdjustableChain.synthetic(6, first=100)
    settings = ChainSettings(chain_id=CHAIN_ID, start="50", prefetch_blocks=2)
    nodes = {"http://here": RuledNode(chain, lambda _: None), "http://away": None}
    rig = make_rig(MemoryStore(), nodes, chain=settings)  # type: ignore[arg-type]
    await rig.log.open()
    with pytest.raises(NodeFailure):
        await rig.settle()


@pytest.mark.parametrize(
    "answer", [NULL, Error(12, "requested epoch was a null round")], ids=["null", "error"]
)
@pytest.mark.parametrize("rounds", [1, 2, 5])
async def test_heights_without_a_block_are_one_clear_refusal_however_many(
    answer: object, rounds: int
) -> None:
    def content(number: int, parent: str, salt: int) -> Content:
        return synthetic_block(
            number if number < 102 else number + rounds, parent, chain_id=CHAIN_ID, salt=salt
        )

    def rule(call: Call) -> object:
        number = 104 + rounds if call["params"][:1] == ["latest"] else number_of(call)
        if call["method"] != "eth_getBlockByNumber" or number is None or number < 102:
            return None
        found = chain.by_number(number - rounds) if number >= 102 + rounds else None
        part: Part = "block" if call["params"][1] else "hashes"
        return answer if found is None else orjson.loads(found.part(part) or b"null")

    chain = AdjustableChain(content, first=100, length=5, chain_id=CHAIN_ID, parent="0x" + "00" * 32)
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start="100", prefetch_blocks=2)
    rig = make_rig(store, [RuledNode(chain, rule)], chain=settings)
    await rig.log.open()
    with pytest.raises(Fatal, match=r"height 10\d has no block: .*chains with null rounds .* not supported"):
        await rig.settle()
    assert hashes(store) == chain.hashes[:2]


@pytest.mark.parametrize("method", ["eth_syncing", "eth_chainId"])
async def test_what_is_said_of_history_where_none_was_asked_for_ends_nothing(method: str) -> None:
    failed: list[Call] = []
    answered: list[Call] = []

    def rule(call: Call) -> object:
        # After a failure a node is asked for its chain and its state again.
        if call["method"] == "eth_getBlockByNumber" and number_of(call) == 103 and not failed:
            failed.append(call)
            return INTERNAL
        if failed and call["method"] == method and len(answered) < 8:
            answered.append(call)
            return Error(-32000, "an archive node is needed for this")
        return None

    chain, store, rig = await rig_on(rule)
    for _ in range(5):
        with suppress(NodeFailure):
            await rig.settle()
    assert answered
    assert hashes(store) == chain.hashes
