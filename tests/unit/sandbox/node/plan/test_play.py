"""What a node answers under each kind of fault."""

from __future__ import annotations

import gzip
from typing import Any

import msgspec
import orjson
import pytest

from connectors.evm.blocks.decode import decode_block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure, result_of
from headwater.evm.answers.errors import UNREADABLE
from sandbox.node.compression import compressed
from sandbox.node.faults import (
    Body,
    CutShare,
    Disconnect,
    HalfWritten,
    Padded,
    Silence,
    Status,
    damaged,
)
from tests.builders.planned_node import HEAD, VERIFIER, Node


def test_without_rules_everything_holds() -> None:
    Node().check()


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"kind": "disconnect"}, Disconnect()),
        ({"kind": "silence", "seconds": 9}, Silence(9)),
        ({"kind": "throttled", "retry_after": 2}, Status(429, "too many requests", retry_after=2.0)),
        ({"kind": "http", "status": 503, "body": "gone"}, Status(503, "gone", "text/plain")),
        ({"kind": "cut", "share": 0.25}, CutShare(0.25)),
        ({"kind": "oversized", "bytes": 9}, Padded(9)),
        ({"kind": "oversized", "bytes": 9, "compressed": True}, Padded(9, compressed=True)),
        ({"kind": "half_written", "share": 0.25}, HalfWritten(0.25)),
        ({"kind": "half_open"}, Silence()),
        ({"kind": "garbage", "body": "empty"}, Body(b"")),
    ],
)
def test_faults_of_the_connection(rule: dict[str, Any], fault: object) -> None:
    assert Node(rule).answer("eth_chainId")[1] == fault


def test_what_is_cut_and_what_is_padded() -> None:
    assert damaged(CutShare(0.25), b"12345678") == b"12"
    assert damaged(HalfWritten(0.25), b"12345678") == b"12"
    assert damaged(Padded(3), b"12") == b"12   "
    squeezed = compressed(b"12", 3_000_000)
    assert len(squeezed) < 4_000
    assert gzip.decompress(squeezed) == damaged(Padded(3_000_000, compressed=True), b"12")


@pytest.mark.parametrize("body", ["empty", "not_utf8", "deep", "digits"])
def test_bodies_that_are_no_answer(body: str) -> None:
    request = b'{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}'
    answer, fault = Node({"kind": "garbage", "body": body}).node.respond(request)
    assert isinstance(fault, Body)
    with pytest.raises((NodeFailure, *UNREADABLE)):
        msgspec.json.decode(result_of("node", "eth_chainId", HttpAnswer(200, damaged(fault, answer))))


def test_more_calls_a_second_than_the_limit_are_refused() -> None:
    node = Node({"kind": "rate_limit", "per_second": 3, "name": "quicknode-rate"})
    codes = []
    for node.now in (0.0, 0.0, 0.1, 0.2, 0.7, 0.8, 9.0, 9.0, 9.0, 9.0):
        codes.append(node.answer("eth_chainId")[0].get("error", {}).get("code"))
    assert codes == [None, None, None, -32007, None, None, None, None, None, -32007]
    refused = Node({"kind": "rate_limit", "per_second": 1, "retry_after": 2})
    assert [refused.answer("eth_chainId")[1] for _ in range(2)] == [
        None,
        Status(429, "too many requests", retry_after=2.0),
    ]


def test_latencies_have_the_median_and_the_percentile_that_were_asked_for() -> None:
    node = Node({"kind": "latency", "p50": 0.1, "p95": 1.0})
    faults = [node.answer("eth_chainId")[1] for _ in range(1000)]
    seconds = sorted(each.seconds for each in faults if isinstance(each, Silence))
    assert 0.08 < seconds[500] < 0.12
    assert 0.7 < seconds[950] < 1.4


def test_errors_of_real_providers() -> None:
    assert Node({"kind": "error", "name": "infura-rate"}).error("eth_chainId") == (
        -32005,
        "project ID request rate exceeded",
    )


def test_heads_that_are_behind_and_ahead() -> None:
    stale = Node({"kind": "stale_head", "blocks": 3})
    assert (stale.latest(), int(stale.result("eth_blockNumber"), 16)) == (HEAD - 3, HEAD - 3)
    assert stale.result("eth_getBlockByNumber", hex(HEAD), False) is None
    assert stale.result("eth_getBlockByNumber", hex(HEAD - 3), False) is not None
    lying = Node({"kind": "lying_head", "blocks": 3})
    assert lying.latest() == HEAD + 3
    head = orjson.dumps(lying.result("eth_getBlockByNumber", "latest", False))
    with pytest.raises(CheckError, match="do not hash"):
        VERIFIER.check_header(decode_block(head))
    sealed = Node({"kind": "lying_head", "blocks": 3, "sealed": True})
    head = orjson.dumps(sealed.result("eth_getBlockByNumber", "latest", False))
    VERIFIER.check_header(decode_block(head))
    parent = sealed.result("eth_getBlockByHash", orjson.loads(head)["parentHash"], False)
    assert (sealed.latest(), parent) == (HEAD + 3, None)


def test_a_head_is_frozen_while_the_rule_is_on() -> None:
    node = Node({"kind": "frozen_head", "start": 10, "end": 20})
    node.now = 10.0
    assert node.latest() == HEAD
    node.chain.extend(3)
    assert node.latest() == HEAD
    node.now = 20.0
    assert node.latest() == HEAD + 3


def test_heights_of_another_branch() -> None:
    node = Node({"kind": "two_branches", "depth": 2})
    latest = node.result("eth_getBlockByNumber", "latest", False)
    other = node.result("eth_getBlockByNumber", hex(HEAD), False)
    assert other["hash"] != latest["hash"]
    assert other["parentHash"] == latest["parentHash"]
    VERIFIER.check_header(decode_block(orjson.dumps(other)))
    assert node.result("eth_getBlockByNumber", hex(HEAD - 2), False)["hash"] == node.chain.hashes[HEAD - 3]


@pytest.mark.parametrize("kind", ["wrong_receipts", "missing_logs", "cut_transactions", "empty_receipts"])
def test_blocks_that_do_not_hold_together(kind: str) -> None:
    node = Node({"kind": kind})
    with pytest.raises(CheckError):
        node.check()
    assert node.play.happened == {kind: 1}


def test_transactions_and_receipts_that_are_cut_alike_do_not_hold() -> None:
    node = Node({"kind": "cut_transactions", "receipts": True})
    with pytest.raises(CheckError):
        node.check()
    assert node.play.happened == {"cut_transactions": 2}


def test_chain_tags_history_and_null() -> None:
    assert Node({"kind": "wrong_chain", "chain_id": 9}).result("eth_chainId") == "0x9"
    tags = Node({"kind": "tag_error", "tags": ["finalized"]})
    assert tags.error("eth_getBlockByNumber", "finalized", False) == (-32000, "finalized block not found")
    assert tags.result("eth_getBlockByNumber", "safe", False) is not None
    assert Node({"kind": "tag_error", "null": True}).result("eth_getBlockByNumber", "safe", False) is None
    pruned = Node({"kind": "pruned", "keeps": 4})
    assert pruned.error("eth_getBlockByNumber", hex(HEAD - 5), True)[0] == 4444
    assert pruned.result("eth_getBlockByNumber", hex(HEAD - 4), True) is not None
    assert Node({"kind": "null"}).result("eth_getBlockByNumber", "0x5", True) is None


def test_the_seed_decides_and_another_rule_changes_nothing() -> None:
    half = {"kind": "null", "probability": 0.5}

    def drawn(node: Node) -> list[bool]:
        return [node.result("eth_getBlockByNumber", "0x5", False) is None for _ in range(40)]

    first = drawn(Node(half))
    assert drawn(Node(half)) == first
    assert drawn(Node(half, {"kind": "wrong_chain"})) == first
    assert drawn(Node(half, seed=2)) != first
    assert 8 < sum(first) < 32


def test_a_rule_is_about_the_methods_that_it_names() -> None:
    node = Node({"kind": "disconnect", "methods": ["eth_blockNumber"]})
    assert node.answer("eth_chainId")[1] is None
    assert node.answer("eth_blockNumber")[1] == Disconnect()
