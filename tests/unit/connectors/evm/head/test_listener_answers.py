"""The listener on a node that answers badly, differently or not at all."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import LogCapture

import connectors.evm.blocks.receipts
import connectors.evm.head.listener
import connectors.evm.pool.asking.failover
import connectors.evm.pool.asking.rounds
from connectors.evm.log.codec import EventCodec
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal, Transient
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedChain, RecordedNode
from sandbox.node import faults as f
from sandbox.node.plan.garbage import GARBAGE
from tests.fakes.listening import CHAIN_ID, MemoryStore, hashes, make_rig, served, settled_rig, stored
from topics.chainlog.kinds import EventKind


def _truncated(block: object) -> object:
    # A block that was forked away has no answer that could be spoiled.
    return {**block, "gasUsed": "0x1"} if isinstance(block, dict) else block


def _emptied(block: object) -> object:
    # A block that was forked away has no answer that could be spoiled.
    return {**block, "transactions": []} if isinstance(block, dict) else block


def _shortened(receipts: object) -> object:
    # A block that was forked away has no answer that could be spoiled.
    return receipts[:-1] if isinstance(receipts, list) else receipts


def _name(value: f.Fault | str) -> str:
    """Of a case: the same in every process, which a function's address is not."""
    return f"changed by {value.edit.__name__}" if isinstance(value, f.Changed) else str(value)[:40]


BAD: list[tuple[f.Fault, str]] = [
    (f.NullResult(), "eth_getBlockByNumber"),
    (f.NullResult(), "eth_getBlockReceipts"),
    (f.Cut(), "eth_getBlockByNumber"),
    (f.HTML, "eth_getBlockByNumber"),
    (f.Status(503), "eth_getBlockReceipts"),
    (f.too_many_requests(2.0), "eth_getBlockReceipts"),
    (f.Silence(), "eth_getBlockByNumber"),
    (f.Disconnect(), "eth_getBlockReceipts"),
    (f.CallError(-32000, "header not found"), "eth_getBlockReceipts"),
    (f.CallError(-32005, "limit exceeded"), "eth_getBlockByNumber"),
    (f.Changed(_truncated), "eth_getBlockByNumber"),
    (f.Changed(_shortened), "eth_getBlockReceipts"),
    (f.Result([]), "eth_getBlockReceipts"),
    (f.Changed(_emptied), "eth_getBlockByNumber"),
    (f.Result("0x2a"), "eth_chainId"),
    (f.Result(1), "eth_chainId"),
    (f.Result("mainnet"), "eth_chainId"),
    (f.Result({"startingBlock": "0x0"}), "eth_syncing"),
    (f.Result({"currentBlock": "0x60", "highestBlock": "0x71"}), "eth_syncing"),
]


@pytest.mark.parametrize(
    "state",
    [
        {"currentBlock": "0x66", "highestBlock": "0x60", "txIndexRemainingBlocks": "0x50"},
        {"currentBlock": "0x65", "highestBlock": "0x66"},
        {"currentBlock": "0x56", "highestBlock": "0x66"},
    ],
    ids=["builds an index", "one behind", "sixteen behind"],
)
async def test_a_node_that_has_the_blocks_is_used_whatever_it_calls_itself(state: dict[str, str]) -> None:
    chain, node = served(3)
    node.faults.add(f.Result(state), "eth_syncing")
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    assert (hashes(store), rig.pauses) == (chain.hashes, [])


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """What the listener logs, whatever logging the process has been set up with."""
    capture = LogCapture()
    every_level = structlog.make_filtering_bound_logger(0)
    logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=every_level)
    for module in (
        connectors.evm.pool.asking.rounds,
        connectors.evm.pool.asking.failover,
        connectors.evm.head.listener,
        connectors.evm.blocks.receipts,
    ):
        monkeypatch.setattr(module, "_log", logger)
    return capture


@pytest.mark.parametrize(("fault", "method"), BAD, ids=_name)
async def test_a_bad_answer_is_retried_and_named(fault: f.Fault, method: str, lines: LogCapture) -> None:
    chain, node = served(6)
    node.faults.add(fault, method)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    for _ in range(5):
        await rig.settle()
    assert hashes(store) == chain.hashes
    assert node.faults.taken == 1
    assert any("http://node0" in str(entry) for entry in lines.entries)
    if isinstance(fault, f.Status) and fault.retry_after:
        assert max(rig.pauses) >= fault.retry_after


async def test_an_only_node_below_the_finalized_block_is_waited_for(lines: LogCapture) -> None:
    chain, node = served(20, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = await settled_rig(store, [node])
    node.set_head(9)
    # A node that failed is asked for its chain before it is used again.
    node.faults.add(f.Before(lambda: node.set_head(None)), "eth_chainId")
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert len(rig.pauses) == 1
    assert "its head 9 is below the finalized block 16" in str(lines.entries)


async def test_a_node_of_another_chain_never_feeds_the_pipeline() -> None:
    chain, node = served(6)
    other = RecordedNode(AdjustableChain.synthetic(9, chain_id=5, seed=3))
    store = MemoryStore()
    await settled_rig(store, {"http://wrong": other, "http://down": None, "http://right": node})
    assert hashes(store) == chain.hashes
    assert set(other.calls) == {"eth_chainId"}


@pytest.mark.parametrize("refused", ["hash", "method"])
async def test_receipts_by_number_or_one_by_one_where_a_node_offers_no_better(refused: str) -> None:
    chain, node = served(6)
    if refused == "hash":
        node.faults.add(f.CallError(-32602, "invalid argument 0: hex string"), "eth_getBlockReceipts")
    else:
        node.faults.add(f.CallError(-32601, "the method does not exist"), "eth_getBlockReceipts", times=99)
    store = MemoryStore()
    rig = await settled_rig(
        store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="1", prefetch_blocks=1)
    )
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert ("eth_getTransactionReceipt" in node.calls) == (refused == "method")


async def _followed_at_once(chain: AdjustableChain, node: RecordedNode) -> None:
    store = MemoryStore()
    rig = await settled_rig(
        store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="1", prefetch_blocks=1)
    )
    assert hashes(store) == chain.hashes
    assert rig.pauses == []


async def test_receipts_by_number_where_a_node_knows_them_by_height_alone() -> None:
    chain, node = served(6)
    node.faults.add(f.NullResult(), "eth_getBlockReceipts")
    await _followed_at_once(chain, node)


async def test_receipts_one_by_one_where_a_node_takes_no_batches() -> None:
    chain, node = served(6)
    node.faults.add(f.CallError(-32601, "the method does not exist"), "eth_getBlockReceipts", times=99)
    rejection = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are disabled"}}'
    node.faults.add(f.Status(200, rejection, "application/json"), "eth_getTransactionReceipt")
    await _followed_at_once(chain, node)


@pytest.mark.data
async def test_a_state_sync_receipt_that_the_list_leaves_out_is_asked_for(shared_data: Path) -> None:
    folder = shared_data / "chainstorage" / "polygon_mainnet" / "20000000"
    node = RecordedNode(RecordedChain([folder], chain_id=137))
    node.faults.add(
        f.Changed(lambda receipts: receipts[:-1] if isinstance(receipts, list) else receipts),
        "eth_getBlockReceipts",
        times=99,
    )
    store = MemoryStore()
    await settled_rig(store, [node], chain=ChainSettings(chain_id=137, start="20000000"))
    content = EventCodec(137, 7).content([store.log[1][1].value])
    receipts = json.loads(content.receipts)
    transactions = json.loads(content.block)["transactions"]
    assert [each["transactionHash"] for each in receipts] == [each["hash"] for each in transactions]
    assert receipts[-1]["from"] == "0x" + "00" * 20
    assert receipts[-1]["logs"]


async def test_a_block_that_changes_between_two_calls_is_fetched_again() -> None:
    chain, node = served(6, keeps_orphans=False)
    node.faults.add(f.Before(lambda: chain.fork(2)), "eth_getBlockReceipts")
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="6"))
    await rig.log.open()
    for _ in range(4):
        await rig.settle()
    assert hashes(store) == chain.hashes[5:]


@pytest.mark.data
async def test_traces_are_carried_by_setting(shared_data: Path) -> None:
    case = shared_data / "mainnet-contiguous-17686110-17686132" / "17686112"
    recorded = RecordedChain([case], chain_id=1)
    store = MemoryStore()
    wanted = ChainSettings(chain_id=1, start="17686112", traces="callTracer")
    await settled_rig(store, [RecordedNode(recorded)], chain=wanted)
    block = recorded.by_number(17686112)
    assert block is not None
    assert EventCodec(1, 7).content([store.log[1][1].value]).traces == block.part("calls")


async def test_traces_that_no_node_offers_stop_the_listener_rather_than_be_missing() -> None:
    _, node = served(3)
    wanted = ChainSettings(chain_id=CHAIN_ID, start="1", traces="trace_block")
    store = MemoryStore()
    rig = make_rig(store, [node], chain=wanted)
    with pytest.raises(Fatal, match=r"no endpoint can serve this chain: .*trace_block.*chain\.traces"):
        await rig.listener.run()
    assert [each.kind for each in stored(store)] == [EventKind.CLAIM]


@given(seed=st.integers(0, 10**9))
def test_whatever_happens_the_events_end_with_the_nodes_chain(seed: int) -> None:
    asyncio.run(_storm(random.Random(seed)))


async def _storm(rng: random.Random) -> None:
    """Forks to any height, restarts, failed and lost writes, faults: then the chains are equal."""
    chain, node = served(rng.randint(1, 8), keeps_orphans=rng.random() < 0.5)
    store = MemoryStore()
    first = rng.randint(2, 6)  # block 1 is final from the beginning
    settings_ = ChainSettings(chain_id=CHAIN_ID, start=str(first), prefetch_blocks=3)
    rig, opened = make_rig(store, [node], chain=settings_), False

    def fork() -> None:
        depth = rng.randint(1, len(chain.hashes))
        chain.fork(depth, rng.randint(1, depth + 2))

    def fail() -> None:
        store.fail_appends, store.lose_answer = 1, rng.random() < 0.5

    def fault() -> None:
        node.faults.add(*rng.choice(BAD))

    def fork_between() -> None:
        node.faults.add(f.Before(fork), rng.choice(["eth_getBlockReceipts", "eth_getBlockByNumber"]))

    happenings: list[Callable[[], object]] = [chain.extend, fork, fork, fail, fault, fork_between]
    for _ in range(rng.randint(3, 14)):
        rng.choice(happenings)()
        if rng.random() < 0.2:
            rig, opened = make_rig(store, [node], chain=settings_), False
        for _ in range(2):
            try:
                if not opened:
                    await rig.log.open()
                    opened = True
                await rig.settle()
            except NodeFailure:
                continue
            except Transient:
                opened = False
    store.fail_appends = 0
    if not opened:
        await rig.log.open()
    node.faults.clear()
    for _ in range(8):
        await rig.settle()
    assert hashes(store) == chain.hashes[first - 1 :]


async def test_an_earliest_block_that_one_node_does_not_have_is_asked_of_the_others() -> None:
    chain, first = served(6)
    second = RecordedNode(chain)
    first.faults.add(f.NullResult(), "eth_getBlockByNumber", times=2)
    store = MemoryStore()
    await settled_rig(store, [first, second])
    assert hashes(store) == chain.hashes


async def test_where_no_node_has_an_earliest_block_the_setting_is_named() -> None:
    _chain, node = served(6)
    rig = make_rig(MemoryStore(), [node])
    rig.transport.tags = {"earliest": f.NullResult()}
    await rig.log.open()
    with pytest.raises(Fatal, match="--start N"):
        await rig.settle()


async def test_a_chain_id_that_is_no_text_is_a_bad_answer_of_that_node() -> None:
    chain, first = served(6)
    second = RecordedNode(chain)
    first.faults.add(f.Body(GARBAGE["not_utf8"]), "eth_chainId", times=5)
    store = MemoryStore()
    await settled_rig(store, [first, second])
    assert hashes(store) == chain.hashes
