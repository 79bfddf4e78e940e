"""Nodes as public reports describe them: what the listener publishes of each, or how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.evm.blocks.decode import decode_block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.traces import check_calls
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure, Unsupported, result_of
from connectors.evm.rpc.chain_id import METHOD
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.adjustable import from_chain
from sandbox.node.answers import Part
from sandbox.node.synthetic import Content, synthetic_block
from streams.logic.state.fold import Fold
from tests.builders.state_chains import Block, fact, transaction
from tests.fakes.listening import CHAIN_ID, MemoryStore, accepted, hashes, make_rig
from tests.fakes.ruled_node import BROKEN, NULL, Call, Error, RuledNode, number_of, rig_on
from topics.chainlog.kinds import EventKind

pytestmark = pytest.mark.data


def rule_of(shared_data: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "field-reports" / f"{name}.json").read_bytes())
    return found["input"]  # type: ignore[no-any-return]


async def test_a_batch_over_the_nodes_limit_becomes_smaller_ones() -> None:
    """node-batch-limit"""
    chain, store, rig = await rig_on(
        lambda call: Error(-32601, "method not found") if call["method"] == "eth_getBlockReceipts" else None,
        batches=2,
    )
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_a_node_that_knows_no_hashes_is_asked_by_number() -> None:
    """node-by-hash-null"""
    chain, store, rig = await rig_on(lambda call: NULL if call["method"] == "eth_getBlockByHash" else None)
    await rig.settle()
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_tags_that_break_do_not_stop_blocks_and_finalize_nothing() -> None:
    """node-finalized-tag-breaks"""
    chain, store, rig = await rig_on(
        lambda call: BROKEN if call["params"][:1] in (["safe"], ["finalized"]) else None
    )
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert not {each.kind for each in accepted(store)} & {EventKind.SAFE, EventKind.FINALIZED}
    assert "finalized" in HEALTH.checks()["finality"].detail


async def test_history_that_no_node_keeps_is_said_with_the_remedy() -> None:
    """node-history-pruned"""
    _, store, rig = await rig_on(
        lambda call: (
            Error(4444, "pruned history unavailable")
            if call["method"] == "eth_getBlockByNumber" and number_of(call) in (100, 101)
            else None
        )
    )
    with pytest.raises(Fatal, match=r"no endpoint keeps history so old: .*4444.*; .*--start N"):
        await rig.settle()
    assert hashes(store) == []


async def test_history_that_another_node_keeps_is_had_from_there() -> None:
    """node-history-pruned"""
    chain = AdjustableChain.synthetic(6, first=100)
    pruned = RuledNode(
        chain,
        lambda call: Error(4444, "pruned history unavailable") if number_of(call) in (100, 101) else None,
    )
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start="100", prefetch_blocks=2)
    rig = make_rig(store, [pruned, RecordedNode(chain)], chain=settings)
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_a_block_that_a_balancer_does_not_know_once_is_asked_for_again() -> None:
    """node-invalid-params-once"""
    rejected: list[Call] = []

    def rule(call: Call) -> Error | None:
        if call["method"] != "eth_getBlockByNumber" or number_of(call) != 103 or rejected:
            return None
        rejected.append(call)
        return Error(-32602, "Unknown block number")

    chain, store, rig = await rig_on(rule)
    await rig.settle()
    assert rejected
    assert hashes(store) == chain.hashes


async def test_a_chain_without_an_earliest_block_is_told_where_to_begin() -> None:
    """node-no-genesis"""
    _, _, rig = await rig_on(
        lambda call: NULL if call["params"][:1] == ["earliest"] else None, start="earliest"
    )
    with pytest.raises(Fatal, match="no endpoint has an earliest block; give --start N"):
        await rig.settle()


def _without_102(number: int, parent: str, salt: int) -> Content:
    return synthetic_block(number if number < 102 else number + 1, parent, chain_id=CHAIN_ID, salt=salt)


async def test_a_height_without_a_block_is_one_clear_refusal_also_at_the_head() -> None:
    """node-null-round"""

    def rule(call: Call) -> Any:
        number = 105 if call["params"][:1] == ["latest"] else number_of(call)
        if call["method"] != "eth_getBlockByNumber" or number is None or number < 102:
            return None
        if number == 102:
            return Error(12, "requested epoch was a null round (102)")
        found = chain.by_number(number - 1)
        part: Part = "block" if call["params"][1] else "hashes"
        return None if found is None else orjson.loads(found.part(part) or b"null")

    chain = AdjustableChain(_without_102, first=100, length=5, chain_id=CHAIN_ID, parent="0x" + "00" * 32)
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start="100", prefetch_blocks=2)
    rig = make_rig(store, [RuledNode(chain, rule)], chain=settings)
    await rig.log.open()
    with pytest.raises(Fatal, match=r"height 102 has no block: .*chains with null rounds .* not supported"):
        await rig.settle()
    assert hashes(store) == chain.hashes[:2]


async def test_a_parent_that_never_holds_turns_readiness_red_in_words() -> None:
    """node-parent-does-not-link"""

    def source(number: int, parent: str, salt: int) -> Content:
        named_parent = "0x" + "ab" * 32 if number == 103 and not salt else parent
        return synthetic_block(number, named_parent, chain_id=CHAIN_ID, salt=salt)

    chain = AdjustableChain(source, first=100, length=6, chain_id=CHAIN_ID, parent="0x" + "00" * 32)
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start="100", prefetch_blocks=2)
    rig = make_rig(store, [RuledNode(chain, lambda _: None)], chain=settings)
    await rig.log.open()
    for _ in range(6):
        await rig.settle()
    assert hashes(store) == chain.hashes[:3]
    links = HEALTH.checks()["links"]
    assert not links.ok
    assert f"block 103 ({chain.hashes[3]}) names 0x{'ab' * 32} for its parent" in links.detail
    chain.fork(3)
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert HEALTH.checks()["links"].ok


async def test_a_list_that_is_empty_for_one_block_is_asked_for_one_by_one() -> None:
    """node-receipts-empty-list"""
    hash_ = AdjustableChain.synthetic(6, first=100).hashes[2]
    chain, store, rig = await rig_on(
        lambda call: (
            [] if call["method"] == "eth_getBlockReceipts" and call["params"][0] in (hash_, "0x66") else None
        )
    )
    await rig.settle()
    assert hashes(store) == chain.hashes


async def test_a_node_that_only_builds_its_index_is_used() -> None:
    """node-syncing-object-at-head"""
    state = {"currentBlock": "0x66", "highestBlock": "0x60", "txIndexRemainingBlocks": "0x50"}
    chain, store, rig = await rig_on(lambda call: state if call["method"] == "eth_syncing" else None)
    await rig.settle()
    assert hashes(store) == chain.hashes


def test_traces_that_lack_something_are_refused(shared_data: Path) -> None:
    """node-traces-incomplete"""
    given = rule_of(shared_data, "node-traces-incomplete")
    block = decode_block(json.dumps(given["block"]).encode())
    whole = [{"txHash": hash_, "result": {"type": "CALL"}} for hash_ in given["hashes"]]
    check_calls(json.dumps(whole).encode(), block)
    check_calls(json.dumps([{"result": {}} for _ in whole]).encode(), block)
    failed = [whole[0], {"txHash": whole[1]["txHash"], "error": "execution timeout"}, whole[2]]
    for spoilt, why in (
        (failed, r"\[1\] has no result: execution timeout"),
        (whole[:-1], "2 for 3 transactions"),
        ([], "0 for 3 transactions"),
        ([whole[0], whole[2], whole[1]], r"\[1\] is of 0x"),
        ({}, "traces of block 100: "),
    ):
        with pytest.raises(CheckError, match=why):
            check_calls(json.dumps(spoilt).encode(), block)


@pytest.mark.parametrize("indent", [1, 2, 4, 8])
def test_answers_that_are_indented_are_read_as_any(indent: int) -> None:
    """pretty-json"""
    chain = AdjustableChain.synthetic(1, first=100)
    content = from_chain(chain)(100, "0x" + "00" * 32, 0)
    pretty = json.dumps({"id": 0, "result": content.block}, indent=indent).encode()
    block = decode_block(result_of("node", "eth_getBlockByNumber", HttpAnswer(200, pretty)))
    assert "0x" + block.head.hash.hex() == chain.hashes[0]
    nothing = json.dumps({"id": 0, "result": None}, indent=indent).encode()
    assert result_of("node", "eth_getBlockByNumber", HttpAnswer(200, nothing)) == b"null"


async def test_a_chain_id_that_is_no_quantity_is_refused(shared_data: Path) -> None:
    """chain-id-decimal"""
    text, number, right = rule_of(shared_data, "chain-id-decimal")["answers"]
    chain = AdjustableChain.synthetic(2, first=100, chain_id=137)
    for result in (text, number):
        rig = make_rig(
            MemoryStore(),
            [RuledNode(chain, lambda call, result=result: result if call["method"] == METHOD else None)],
            chain=ChainSettings(chain_id=137, start="100"),
        )
        with pytest.raises(NodeFailure, match=r"137.* is not a chain id"):
            await rig.fetcher.head("latest", rounds=1)
    settings = ChainSettings(chain_id=int(right, 16))
    good = make_rig(MemoryStore(), [RuledNode(chain, lambda _: None)], chain=settings)
    assert await good.fetcher.head("latest", rounds=1) is not None


def test_an_error_is_one_however_it_is_wrapped() -> None:
    """bare-error-object"""

    def outcome(status: int, body: bytes) -> str:
        try:
            return bytes(result_of("node", "eth_getBlockReceipts", HttpAnswer(status, body))).decode()
        except Unsupported:
            return "unsupported"
        except NodeFailure as failure:
            return failure.outcome

    assert outcome(200, b'{"code":-32005,"message":"Too Many Requests","data":{"see":"docs"}}') == "throttled"
    assert outcome(403, b'{"code":-32005,"message":"Too Many Requests"}') == "throttled"
    assert outcome(200, b'{"jsonrpc":"2.0","error":{"code":429,"message":"Public RPC Rate"}}') == "throttled"
    assert outcome(200, b'{"jsonrpc":"2.0","id":0,"error":"rate limited"}') == "throttled"
    assert outcome(500, b'{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"method"}}') == "http"
    assert outcome(200, b'{"jsonrpc":"2.0","id":0,"result":null,"error":null}') == "null"
    assert outcome(200, b'{"jsonrpc":"2.0","id":0,"result":"0x1","error":null}') == '"0x1"'


@pytest.mark.parametrize("order", [1, -1])
def test_a_transaction_in_two_blocks_is_in_the_later_one_until_that_is_reverted(order: int) -> None:
    """transaction-in-two-blocks"""
    ten, eleven = Block(10, "ten", (1, 2)), Block(11, "eleven", (1, 1, 2))
    log = [
        fact(EventKind.APPLY, 1, ten),
        fact(EventKind.APPLY, 2, eleven),
        fact(EventKind.REVERT, 3, eleven),
        fact(EventKind.APPLY, 4, eleven),
        fact(EventKind.FINALIZED, 5, eleven),
    ]

    def after(count: int) -> set[tuple[str, bytes]]:
        fold = Fold()
        for each in log[:count][::order]:
            fold.add(each)
        assert set(fold.states()) == {transaction(1), transaction(2)}
        return {(state.current.state.name, block.hash) for block, state in fold.states().values()}

    assert after(2) == {("INCLUDED", eleven.hash)}
    assert after(3) == {("INCLUDED", ten.hash)}
    assert after(4) == {("INCLUDED", eleven.hash)}
    assert after(5) == {("FINALIZED", eleven.hash)}


def test_every_case_of_the_reports_is_tested(shared_data: Path) -> None:
    here = Path(__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in here.glob("test_field_reports*.py")]
    cases = {path.stem for path in (shared_data / "field-reports").glob("*.json")}
    assert len(cases) >= 40
    named = ('"{}"', '"""{}"""')
    tested = {case for case in cases for form in named for text in texts if form.format(case) in text}
    assert cases - tested == set()
