"""The recorded node's methods on a made-up chain, without a socket."""

from collections.abc import Callable

import orjson
import pytest

from headwater.errors import Fatal
from headwater.evm.header import header_is_genuine
from sandbox.node import AdjustableChain, LoopedChain, RecordedNode
from sandbox.node.faults import HTML, Before, CallError, Changed, Cut, NullResult, Result, Status
from sandbox.node.synthetic import TRANSFER

Json = dict[str, object]


def ask(node: RecordedNode, method: str, *params: object) -> object:
    """Return the result of a call; fails on an error answer."""
    answer = call(node, method, *params)
    assert "error" not in answer, answer
    return answer["result"]


def call(node: RecordedNode, method: str, *params: object) -> Json:
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
    answer: Json = orjson.loads(node.respond(orjson.dumps(request))[0])
    assert answer["id"] == 7
    return answer


def block(node: RecordedNode, reference: object, full: bool = True) -> Json:
    result = ask(node, "eth_getBlockByNumber", reference, full)
    assert isinstance(result, dict)
    return result


@pytest.fixture
def chain() -> AdjustableChain:
    return AdjustableChain.synthetic(10, first=100, chain_id=5)


@pytest.fixture
def node(chain: AdjustableChain) -> RecordedNode:
    return RecordedNode(chain, safe_lag=2, finalized_lag=4)


def test_chain_facts(node: RecordedNode) -> None:
    assert ask(node, "eth_chainId") == "0x5"
    assert ask(node, "net_version") == "5"
    assert ask(node, "eth_syncing") is False
    assert ask(node, "eth_blockNumber") == hex(109)


@pytest.mark.parametrize(
    ("tag", "number"),
    [("latest", 109), ("pending", 109), ("safe", 107), ("finalized", 105), ("earliest", 100)],
)
def test_tags(node: RecordedNode, tag: str, number: int) -> None:
    assert block(node, tag)["number"] == hex(number)


def test_unknown_things(node: RecordedNode) -> None:
    assert ask(node, "eth_getBlockByNumber", hex(110), True) is None
    assert ask(node, "eth_getBlockByNumber", hex(99), True) is None
    assert ask(node, "eth_getBlockByHash", "0x" + "11" * 32, True) is None
    assert ask(node, "eth_getBlockReceipts", "0x" + "11" * 32) is None
    assert ask(node, "eth_getTransactionReceipt", "0x" + "11" * 32) is None
    for method, code in (("eth_call", -32601), ("debug_traceBlockByNumber", -32601)):
        error = call(node, method, hex(100), {"tracer": "callTracer"})["error"]
        assert isinstance(error, dict)
        assert error["code"] == code
    assert call(node, "eth_getBlockByNumber", "soon", True)["error"] is not None
    assert call(node, "eth_getBlockByNumber")["error"] is not None


def test_a_block_is_the_same_by_every_name(node: RecordedNode) -> None:
    by_number = block(node, hex(103))
    assert header_is_genuine(by_number)
    assert ask(node, "eth_getBlockByHash", by_number["hash"], True) == by_number
    short = block(node, hex(103), full=False)
    listed = by_number["transactions"]
    assert isinstance(listed, list)
    assert short["transactions"] == [tx["hash"] for tx in listed]
    receipts = ask(node, "eth_getBlockReceipts", hex(103))
    assert isinstance(receipts, list)
    for reference in (by_number["hash"], {"blockHash": by_number["hash"]}, {"blockNumber": hex(103)}):
        assert ask(node, "eth_getBlockReceipts", reference) == receipts
    for transaction, receipt in zip(listed, receipts, strict=True):
        assert ask(node, "eth_getTransactionByHash", transaction["hash"]) == transaction
        assert ask(node, "eth_getTransactionReceipt", transaction["hash"]) == receipt
    assert ask(node, "eth_getTransactionByBlockNumberAndIndex", hex(103), "0x2") == listed[2]
    assert ask(node, "eth_getTransactionByBlockNumberAndIndex", hex(103), "0x63") is None
    assert ask(node, "eth_getBlockTransactionCountByHash", by_number["hash"]) == hex(len(listed))
    assert ask(node, "eth_getUncleCountByBlockNumber", hex(103)) == "0x0"


def test_logs_by_range_hash_address_and_topic(node: RecordedNode) -> None:
    span: Json = {"fromBlock": hex(102), "toBlock": hex(104)}
    everything = ask(node, "eth_getLogs", span)
    assert isinstance(everything, list)
    assert len(everything) == 9  # ERC-20, ERC-721 and ERC-1155 in each of three blocks
    transfers = [log for log in everything if log["topics"][0] == TRANSFER]
    assert ask(node, "eth_getLogs", {**span, "topics": [TRANSFER]}) == transfers
    assert (
        ask(node, "eth_getLogs", {**span, "topics": [[TRANSFER.upper().replace("X", "x"), "0x00"]]})
        == transfers
    )
    erc721 = [log for log in transfers if len(log["topics"]) == 4]
    assert ask(node, "eth_getLogs", {**span, "topics": [TRANSFER, None, None, []]}) == erc721
    address = erc721[0]["address"]
    assert ask(node, "eth_getLogs", {**span, "address": address}) == erc721
    one = ask(node, "eth_getLogs", {"blockHash": everything[0]["blockHash"]})
    assert one == everything[:3]
    assert ask(node, "eth_getLogs", {"fromBlock": hex(200), "toBlock": hex(300)}) == []


def test_the_served_head_hides_what_comes_later(chain: AdjustableChain) -> None:
    node = RecordedNode(chain, head=103)
    hidden = chain.by_number(104)
    assert hidden is not None
    assert ask(node, "eth_getBlockByNumber", hex(104), True) is None
    assert ask(node, "eth_getBlockByHash", hidden.hash, True) is None
    assert ask(node, "eth_getTransactionByHash", next(iter(hidden.transactions()))) is None
    assert node.advance() == 104
    assert block(node, "latest")["hash"] == hidden.hash
    assert node.advance(100) == 109


def test_batches_and_malformed_requests(node: RecordedNode) -> None:
    batch = [{"jsonrpc": "2.0", "id": n, "method": "eth_chainId", "params": []} for n in (1, "two", None)]
    answers = orjson.loads(node.respond(orjson.dumps([*batch, {"id": 4, "method": ""}]))[0])
    assert [answer["id"] for answer in answers] == [1, "two", None, 4]
    assert [answer.get("result") for answer in answers] == ["0x5", "0x5", "0x5", None]
    assert answers[3]["error"]["code"] == -32600
    assert orjson.loads(node.respond(b"{not json")[0])["error"]["code"] == -32700
    assert orjson.loads(node.respond(b"[]")[0])["error"]["code"] == -32600


def test_a_fork_rehashes_and_a_switch_goes_back(chain: AdjustableChain, node: RecordedNode) -> None:
    before = chain.hashes
    announced: list[str] = []
    chain.listen(lambda new: announced.append(new.hash))
    added = chain.fork(3)
    assert chain.hashes[:7] == before[:7]
    assert not set(chain.hashes[7:]) & set(before)
    assert announced == [new.hash for new in added]
    assert node.head == 110
    parent = before[6]
    for number in range(107, 111):
        found = block(node, hex(number))
        assert header_is_genuine(found)
        assert found["parentHash"] == parent
        parent = str(found["hash"])
    assert ask(node, "eth_getBlockByHash", before[-1], True) is None
    chain.switch_to(before[-1])
    assert chain.hashes == before
    with pytest.raises(Fatal):
        chain.fork(11)


def test_a_fork_to_a_lower_head(chain: AdjustableChain, node: RecordedNode) -> None:
    chain.fork(4, 2)
    assert node.head == 107


def test_orphans_are_kept_when_asked() -> None:
    chain = AdjustableChain.synthetic(3, keeps_orphans=True)
    orphan = chain.tip.hash
    chain.fork(1)
    assert ask(RecordedNode(chain), "eth_getBlockByHash", orphan, False) is not None


def test_a_fork_of_a_recorded_chain_moves_receipts_along() -> None:
    chain = AdjustableChain.over(AdjustableChain.synthetic(6), 4)
    chain.fork(2)
    node = RecordedNode(chain)
    for number in range(chain.first(), chain.last() + 1):
        found = block(node, hex(number))
        assert header_is_genuine(found)
        receipts = ask(node, "eth_getBlockReceipts", found["hash"])
        assert isinstance(receipts, list)
        places = {log["blockHash"] for receipt in receipts for log in receipt["logs"]}
        assert places | {receipt["blockHash"] for receipt in receipts} == {found["hash"]}


def test_a_looped_chain_verifies_links_and_repeats_no_transaction() -> None:
    base = AdjustableChain.synthetic(4, first=50)
    chain = LoopedChain(base, 3)
    node = RecordedNode(chain)
    assert (chain.first(), chain.last()) == (50, 61)
    seen: set[object] = set()
    slots: set[tuple[object, object]] = set()
    previous: Json | None = None
    for number in range(50, 62):
        found = block(node, hex(number))
        assert header_is_genuine(found)
        assert found["number"] == hex(number)
        if previous is not None:
            assert found["parentHash"] == previous["hash"]
            assert int(str(found["timestamp"]), 16) > int(str(previous["timestamp"]), 16)
        previous = found
        receipts = ask(node, "eth_getBlockReceipts", hex(number))
        assert isinstance(found["transactions"], list)
        assert isinstance(receipts, list)
        for transaction, receipt in zip(found["transactions"], receipts, strict=True):
            assert transaction["hash"] not in seen
            seen.add(transaction["hash"])
            slots.add((transaction["from"], transaction["nonce"]))
            assert receipt["transactionHash"] == transaction["hash"]
            for place in (transaction, receipt, *receipt["logs"]):
                assert (place["blockHash"], place["blockNumber"]) == (found["hash"], hex(number))
            assert {log["transactionHash"] for log in receipt["logs"]} <= {transaction["hash"]}
        assert ask(node, "eth_getTransactionReceipt", receipts[1]["transactionHash"]) == receipts[1]
    assert len(slots) == len(seen)
    last = block(node, hex(61), full=False)
    assert ask(RecordedNode(LoopedChain(base, 3)), "eth_getBlockByNumber", hex(61), False) == last


def faulty(node: RecordedNode, prepare: Callable[[], None]) -> Json:
    prepare()
    return call(node, "eth_getBlockByNumber", hex(101), True)


def test_faults_are_taken_in_order_by_the_method_they_name(
    node: RecordedNode, chain: AdjustableChain
) -> None:
    node.faults.add(NullResult(), "eth_getBlockByNumber", times=2)
    node.faults.add(Result("0x1"), "eth_chainId")
    assert ask(node, "eth_blockNumber") == hex(109)
    assert ask(node, "eth_getBlockByNumber", hex(101), True) is None
    assert ask(node, "eth_chainId") == "0x1"
    assert ask(node, "eth_chainId") == "0x5"
    assert ask(node, "eth_getBlockByNumber", hex(101), True) is None
    honest = block(node, hex(101))
    assert node.faults.taken == 3
    node.faults.add(Changed(lambda found: {**dict(found), "gasUsed": "0x1"}))  # type: ignore[call-overload]
    assert not header_is_genuine(block(node, hex(101)))
    node.faults.add(CallError(-32005, "limit exceeded"))
    assert faulty(node, lambda: None)["error"] == {"code": -32005, "message": "limit exceeded"}
    node.faults.add(Before(lambda: chain.fork(9)))
    assert block(node, hex(101))["hash"] != honest["hash"]


def test_transport_faults_are_handed_to_the_server(node: RecordedNode) -> None:
    request = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
    node.faults.add(Cut())
    node.faults.add(HTML)
    assert isinstance(node.respond(request)[1], Cut)
    assert node.respond(b"[" + request + b"]")[1] == HTML
    assert isinstance(HTML, Status)
    assert node.respond(request)[1] is None
