"""What a scripted node is found to do."""

from __future__ import annotations

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.node_check.findings import Findings
from connectors.evm.node_check.probe import probe
from connectors.evm.rpc.endpoint import endpoints_of
from headwater.evm.bloom import Bloom
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import CHAIN_ID, NodeTransport

URL = "http://user:password@node/KEYKEYKEY?token=SECRET"
BLOCKS = 40


def _verifier(_: int) -> Verifier:
    return Verifier(Bloom(), roots=RootChecks(Bloom(), "all"))


@pytest.fixture
def node() -> RecordedNode:
    return RecordedNode(AdjustableChain.synthetic(BLOCKS), safe_lag=2, finalized_lag=4)


async def probed(node: RecordedNode | None) -> Findings:
    transport = NodeTransport({} if node is None else {URL: node})
    return await probe(endpoints_of("check", [URL], transport)[0], _verifier)


async def test_a_good_node(node: RecordedNode) -> None:
    found = await probed(node)
    assert (found.trouble, found.chain_id, found.head, found.receipts) == ("", CHAIN_ID, BLOCKS, "by_hash")
    assert (found.tags["safe"], found.tags["finalized"]) == (BLOCKS - 2, BLOCKS - 4)
    assert (found.oldest_block, found.oldest_state) == (1, None)
    assert (found.batch, found.log_range) == (1000, 10_000)
    assert found.failed == {}
    assert {"header_hash", "transactions_root", "receipts_root"} <= set(found.verified[BLOCKS - 8])
    assert found.latency_p50 is not None


async def test_the_address_is_masked(node: RecordedNode) -> None:
    found = await probed(node)
    assert found.endpoint == "http://node/***"
    for word in ("KEYKEYKEY", "password", "user", "SECRET"):
        assert word not in repr(found)


async def test_what_is_away_or_no_node_is_said() -> None:
    found = await probed(None)
    assert "eth_chainId: connection failed" in found.trouble
    assert found.head is None


async def test_a_node_that_syncs_is_not_usable(node: RecordedNode) -> None:
    node.faults.add(f.Result({"currentBlock": "0x1", "highestBlock": "0x99"}), "eth_syncing", times=99)
    assert (await probed(node)).trouble == "it is still syncing"


async def test_receipts_one_by_one_and_no_tags(node: RecordedNode) -> None:
    node.faults.add(f.CallError(-32601, "the method does not exist"), "eth_getBlockReceipts", times=999)
    found = await probed(node)
    assert (found.trouble, found.receipts) == ("", "singly")
    assert found.methods["eth_getBlockReceipts by hash"] == "no"
    assert found.failed == {}


def _failed(receipts: object) -> object:
    assert isinstance(receipts, list)
    return [each | {"status": "0x0"} for each in receipts]


async def test_a_node_whose_blocks_do_not_pass_is_not_usable(node: RecordedNode) -> None:
    node.faults.add(f.Changed(_failed), "eth_getBlockReceipts", times=999)
    found = await probed(node)
    assert found.trouble == "no block of the sample passes its checks"
    assert "receipts root" in found.failed[BLOCKS - 8]


class Pruned(RecordedNode):
    """Has no block below 23."""

    def respond(self, request: bytes) -> tuple[bytes, f.Transport | None]:
        for number in range(23):
            if b'"%b"' % hex(number).encode() in request and b"getBlock" in request:
                self.faults.add(f.CallError(4444, "pruned history unavailable"))
        return super().respond(request)


async def test_where_history_begins_is_found_exactly() -> None:
    found = await probed(Pruned(AdjustableChain.synthetic(BLOCKS)))
    assert found.oldest_block == 23
    assert min(found.verified) == 23
