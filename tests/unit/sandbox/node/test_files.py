"""Reading recorded files: our own layout, arrays of cases, batches, and the shared real-chain data."""

import gzip
from pathlib import Path

import orjson
import pytest

from headwater.errors import Fatal
from headwater.evm.header import header_is_genuine
from sandbox.node import AdjustableChain, LoopedChain, RecordedChain, RecordedNode
from sandbox.node.files import pairs, read_json

CONTIGUOUS = "mainnet-contiguous-17686110-17686132"


def store(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = orjson.dumps(document)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def case(method: str, params: list[object], result: object) -> dict[str, object]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return {"request": request, "response": {"jsonrpc": "2.0", "id": 1, "result": result}}


def ask(node: RecordedNode, method: str, *params: object) -> object:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = orjson.loads(node.respond(orjson.dumps(request))[0])
    assert "error" not in answer, answer
    return answer["result"]


def test_blocks_receipts_and_other_calls_from_files(tmp_path: Path) -> None:
    made = AdjustableChain.synthetic(2, chain_id=77)
    first, second = (made.by_number(number) for number in (1, 2))
    assert first is not None
    assert second is not None
    block = orjson.loads(first.part("block") or b"")
    store(tmp_path / "a" / "receipts.json.gz", case("eth_getBlockReceipts", [first.hash], [{"logs": []}]))
    store(tmp_path / "b" / "block.json.gz", case("eth_getBlockByNumber", ["0x1", True], block))
    cases = [
        case("eth_getBlockByNumber", ["0x2", False], orjson.loads(second.part("hashes") or b"")),
        case("eth_gasPrice", [], "0x9"),
        case("trace_block", ["0x5"], []),
    ]
    store(tmp_path / "cases.json", cases)
    store(
        tmp_path / "batch.json",
        {k: [c[k] for c in [case("eth_call", [{}], "0x7")]] for k in ("request", "response")},
    )
    chain = RecordedChain([tmp_path])
    node = RecordedNode(chain)
    assert chain.chain_id == 77
    assert (chain.first(), chain.last()) == (1, 2)
    assert ask(node, "eth_getBlockByHash", block["hash"], True) == block
    assert ask(node, "eth_getBlockReceipts", "0x1") == [{"logs": []}]
    assert ask(node, "eth_gasPrice") == "0x9"
    assert ask(node, "eth_call", {}) == "0x7"
    assert ask(node, "trace_block", "0x5") == []
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x2", True]}
    answer = orjson.loads(node.respond(orjson.dumps(request))[0])
    assert "not recorded" in answer["error"]["message"]


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="no recorded answer"):
        RecordedChain([tmp_path])
    with pytest.raises(Fatal, match="is not a directory"):
        RecordedChain([tmp_path / "absent"])
    store(tmp_path / "call.json", case("eth_gasPrice", [], "0x9"))
    with pytest.raises(Fatal, match="--chain-id"):
        RecordedChain([tmp_path])
    assert RecordedChain([tmp_path], chain_id=3).chain_id == 3
    store(tmp_path / "chain_id.json", case("eth_chainId", [], "mainnet"))
    with pytest.raises(Fatal, match="'mainnet' is not a chain id"):
        RecordedChain([tmp_path])
    (tmp_path / "broken.json.gz").write_bytes(b"\x1f\x8b nonsense")
    with pytest.raises(Fatal, match="broken"):
        RecordedChain([tmp_path], chain_id=3)


def test_a_gap_cannot_be_looped(tmp_path: Path) -> None:
    made = AdjustableChain.synthetic(3)
    for number in (1, 3):
        found = made.by_number(number)
        assert found is not None
        store(
            tmp_path / f"{number}.json",
            case("eth_getBlockByNumber", [hex(number), True], orjson.loads(found.part("block") or b"")),
        )
    with pytest.raises(Fatal, match="block 2 is missing"):
        LoopedChain(RecordedChain([tmp_path]), 2)


@pytest.mark.data
@pytest.mark.parametrize("network", ["mainnet", "gnosis", "arb-sepolia"])
def test_every_recorded_answer_is_answered_again(shared_data: Path, network: str) -> None:
    root = shared_data / "rpc-tests" / network
    node = RecordedNode(RecordedChain([root]))
    replayed = 0
    for path in sorted(root.rglob("*.json*")):
        for request, response in pairs(read_json(path)):
            if "result" in response:
                replayed += 1
                answer = orjson.loads(node.respond(orjson.dumps(request))[0])
                assert answer.get("result", answer.get("error")) == response["result"], path.name
    assert replayed > 15


@pytest.mark.data
def test_the_contiguous_blocks_looped(shared_data: Path) -> None:
    chain = LoopedChain(RecordedChain([shared_data / CONTIGUOUS]), 3)
    node = RecordedNode(chain)
    assert chain.chain_id == 1
    assert chain.last() == 17686110 + 3 * 23 - 1
    parent: object = None
    for number in (17686110 + 22, 17686110 + 23, 17686110 + 24, chain.last()):
        block = ask(node, "eth_getBlockByNumber", hex(number), True)
        receipts = ask(node, "eth_getBlockReceipts", hex(number))
        assert isinstance(block, dict)
        assert isinstance(receipts, list)
        assert header_is_genuine(block)
        assert number == chain.last() or parent in (None, block["parentHash"])
        parent = block["hash"]
        hashes = [transaction["hash"] for transaction in block["transactions"]]
        assert [receipt["transactionHash"] for receipt in receipts] == hashes
        calls = ask(node, "debug_traceBlockByNumber", hex(number), {"tracer": "callTracer"})
        assert isinstance(calls, list)
        assert [trace["txHash"] for trace in calls] == hashes
        logs = ask(node, "eth_getLogs", {"blockHash": block["hash"]})
        assert logs == [log for receipt in receipts for log in receipt["logs"]]
