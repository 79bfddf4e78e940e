"""Branches of a node's own: whole, genuine, and told apart from the chain by nothing but their hashes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.evm.blocks.decode import decode_block, decode_receipts
from sandbox.node import LoopedChain, RecordedChain, RecordedNode
from sandbox.node.answers import Chain
from sandbox.node.plan import Plan, Play
from tests.builders.planned_node import HEAD, VERIFIER, Node

DEPTH = 3
FORK = {"kind": "sealed_fork", "depth": DEPTH, "start": 10, "end": 20}


def forked() -> Node:
    """A node whose branch leaves the chain above block 9."""
    node = Node(FORK)
    node.now = 10.0
    return node


def whole(node: Node, reference: str) -> dict[str, Any]:
    """A block that passed every check, root by root."""
    block = node.result("eth_getBlockByNumber", reference, True)
    receipts = node.result("eth_getBlockReceipts", block["hash"])
    decoded = decode_block(orjson.dumps(block))
    VERIFIER.check_header(decoded)
    checks = VERIFIER.check(decoded, decode_receipts(orjson.dumps(receipts)))
    assert {"header_hash", "logs_bloom", "transactions_root", "receipts_root"} <= set(checks)
    return dict(block)


def test_a_sealed_fork_links_and_every_root_holds() -> None:
    node = forked()
    numbers = range(HEAD - DEPTH, HEAD + 1)
    blocks = [whole(node, hex(number)) for number in numbers]
    assert blocks[0]["hash"] == node.chain.hashes[HEAD - DEPTH - 1], "the last block in common"
    for below, block in pairwise(blocks):
        assert block["parentHash"] == below["hash"]
        assert block["hash"] not in node.chain.hashes
        true = orjson.loads(node.chain.by_number(int(block["number"], 16)).part("block"))  # type: ignore
        assert len(block["transactions"]) == len(true["transactions"]) - 1
        assert block["timestamp"] == true["timestamp"]
    assert whole(node, "latest") == blocks[-1]
    by_hash = node.result("eth_getBlockByHash", blocks[-1]["hash"], True)
    assert by_hash == blocks[-1]
    assert node.result("eth_getBlockByHash", node.chain.hashes[-1], True) is None
    transaction = blocks[-1]["transactions"][0]
    assert node.result("eth_getTransactionReceipt", transaction["hash"])["blockHash"] == blocks[-1]["hash"]


def test_a_sealed_fork_grows_with_the_chain_and_ends_with_its_rule() -> None:
    node = forked()
    first = whole(node, "latest")
    node.chain.extend(2)
    assert whole(node, hex(HEAD + 1))["parentHash"] == first["hash"]
    assert whole(node, "latest")["number"] == hex(HEAD + 2)
    node.now = 20.0
    assert whole(node, "latest")["hash"] == node.chain.hashes[-1]


def test_a_sealed_fork_begins_anew_where_the_chain_itself_leaves_below_it() -> None:
    node = forked()
    before = whole(node, "latest")
    node.chain.fork(DEPTH + 2)
    after = whole(node, "latest")
    assert after["hash"] not in (before["hash"], node.chain.hashes[-1])
    assert whole(node, hex(HEAD - DEPTH))["hash"] == node.chain.hashes[HEAD - DEPTH - 1]


def test_two_nodes_are_on_two_branches() -> None:
    nodes = [Node({**FORK, "start": 0}, seed=seed) for seed in (1, 2)]
    assert len({whole(node, "latest")["hash"] for node in nodes}) == 2


def test_recorded_blocks_are_sealed_too(shared_data: Path) -> None:
    recorded: Chain = RecordedChain([shared_data / "mainnet-contiguous-17686110-17686132"])
    chain = LoopedChain(recorded, 2)
    play = Play(Plan.model_validate({"faults": [{"kind": "sealed_fork", "depth": 2}]}))
    node = Node()
    node.node = RecordedNode(chain, head=17_686_134, plan=play)
    assert whole(node, "latest")["parentHash"] == whole(node, hex(17_686_133))["hash"]
    true = chain.by_number(17_686_134)
    assert true is not None
    assert whole(node, "latest")["hash"] != true.hash


def test_a_finalized_block_that_moves_to_another_branch() -> None:
    node = Node({"kind": "moved_finalized", "depth": 2})
    final = node.result("eth_getBlockByNumber", "finalized", False)
    assert final["number"] == hex(HEAD - 4)
    assert final["hash"] not in node.chain.hashes
    VERIFIER.check_header(decode_block(orjson.dumps(final)))
    assert node.latest() == HEAD
    assert node.result("eth_getBlockByNumber", "safe", False)["hash"] == node.chain.hashes[HEAD - 3]


def test_a_finalized_block_that_goes_back() -> None:
    node = Node({"kind": "finalized_back", "blocks": 5})
    final = node.result("eth_getBlockByNumber", "finalized", False)
    assert final["hash"] == node.chain.hashes[HEAD - 4 - 5 - 1]


def test_two_branches_in_one_batch() -> None:
    node = Node({"kind": "mixed_batch", "depth": 3})
    calls = [
        {"jsonrpc": "2.0", "id": at, "method": "eth_getBlockByNumber", "params": [hex(HEAD), False]}
        for at in range(4)
    ]
    body, _ = node.node.respond(orjson.dumps(calls))
    found = [each["result"]["hash"] for each in orjson.loads(body)]
    assert found[0] == found[2] == node.chain.hashes[-1]
    assert found[1] == found[3] != found[0]
    assert node.result("eth_getBlockByNumber", hex(HEAD), False)["hash"] == node.chain.hashes[-1]


def test_a_node_that_is_syncing() -> None:
    assert Node({"kind": "syncing", "behind": 16}).result("eth_syncing") == {
        "startingBlock": "0x0",
        "currentBlock": hex(HEAD),
        "highestBlock": hex(HEAD + 16),
    }


@pytest.mark.parametrize("kind", ["half_open", "silent_subscription"])
def test_what_a_websocket_suffers(kind: str) -> None:
    node = Node({"kind": kind, "start": 5})
    assert not node.play.holds_open()
    assert not node.play.tells_nothing()
    node.now = 5.0
    assert node.play.tells_nothing()
    assert node.play.holds_open() is (kind == "half_open")
    assert node.play.happened[kind] >= 1
