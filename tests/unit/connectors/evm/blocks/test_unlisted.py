"""Receipts of no listed transaction are left out of what is published; the block's own is checked with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import Block, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.roots import RECEIPTS_ROOT, RootChecks
from connectors.evm.blocks.state_sync import state_sync_hash
from connectors.evm.blocks.unlisted import Listed, listed
from headwater.evm.bloom import Bloom
from headwater.evm.header import header_hash
from headwater.evm.roots import lists
from sandbox.node import RecordedChain
from sandbox.node.synthetic import bloom_of_logs, synthetic_block

Json = dict[str, Any]


def decoded(block: Json) -> Block:
    return decode_block(json.dumps(block).encode())


def sorted_out(block: Json, receipts: list[Json], *, state_sync: bool = True) -> Listed | None:
    raw = json.dumps(receipts).encode()
    return listed(decoded(block), raw, decode_receipts(raw), state_sync=state_sync)


@pytest.mark.data
@pytest.mark.parametrize("case", ["receipts_with_a_copy", "receipts_with_a_system_one"])
def test_what_is_left_is_whole_and_passes_every_check(shared_data: Path, case: str) -> None:
    given = json.loads((shared_data / "field-reports" / "phantom-receipts.json").read_bytes())["input"]
    found = sorted_out(given["block"], given[case])
    assert found is not None
    assert len(given[case]) == len(given["block"]["transactions"]) + 1
    hashes = [each["hash"] for each in given["block"]["transactions"]]
    assert [each["transactionHash"] for each in json.loads(found.raw)] == hashes
    Verifier(Bloom()).check(decoded(given["block"]), found.receipts, own=found.own)


@pytest.mark.parametrize("kept", [0, 3])
def test_a_state_sync_receipt_without_its_transaction_is_not_left_out(kept: int) -> None:
    """As a bor node answers whose index of transactions does not reach back to the block."""
    content = synthetic_block(1, "0x" + "00" * 32)
    receipts: Any = content.receipts
    own = receipts[1] | {"transactionHash": state_sync_hash(decoded(content.block))}
    block = content.block | {"transactions": list[Any](content.block["transactions"])[:kept]}  # type: ignore[call-overload]
    with pytest.raises(CheckError, match=r"block 1: there is a receipt of its state-sync .*CHAIN__RPC"):
        sorted_out(block, [*receipts[:kept], own])
    # On a chain that has no such transactions it is a receipt of none.
    found = sorted_out(block, [*receipts[:kept], own], state_sync=False)
    assert found is not None
    assert json.loads(found.raw) == receipts[:kept]


def test_one_beside_the_transaction_that_the_block_lists_is_left_out() -> None:
    """From Madhugiri on, as Polygon's erigon answered."""
    content = synthetic_block(1, "0x" + "00" * 32)
    block, receipts = content.block, list[Any](content.receipts)  # type: ignore[call-overload]
    block["transactions"][-1]["type"] = receipts[-1]["type"] = "0x7f"  # type: ignore[index]
    again = receipts[-1] | {"transactionHash": state_sync_hash(decoded(block))}
    found = sorted_out(block, [*receipts, again])
    assert found is not None
    assert json.loads(found.raw) == receipts


@pytest.mark.data
def test_one_whose_transaction_is_listed_stays(shared_data: Path) -> None:
    folder = shared_data / "chainstorage" / "polygon_mainnet" / "20000000"
    found = RecordedChain([folder], chain_id=137).by_number(20_000_000)
    assert found is not None
    block, receipts = (json.loads(found.part(part) or b"") for part in ("block", "receipts"))
    swapped = [*receipts[-1:], *receipts[:-1]]
    whole = sorted_out(block, swapped)
    assert whole is not None
    assert json.loads(whole.raw) == receipts


def test_where_one_is_missing_nothing_is_left_out() -> None:
    content = synthetic_block(1, "0x" + "00" * 32)
    receipts: Any = content.receipts
    assert sorted_out(content.block, receipts[1:]) is None


def test_a_receipt_of_the_block_itself_is_in_root_and_bloom_and_not_published() -> None:
    content = synthetic_block(1, "0x" + "00" * 32)
    block, receipts = content.block, list[Any](content.receipts)  # type: ignore[call-overload]
    logs = [{"address": "0x" + "77" * 20, "topics": ["0x" + "88" * 32], "data": "0x"}]
    own = {
        "cumulativeGasUsed": "0x0",
        "gasUsed": "0x0",
        "status": "0x1",
        "logs": logs,
        "logsBloom": bloom_of_logs(logs),
    }
    # As Celo makes it: behind the transactions' receipts, without gas.
    typed = decode_receipts(json.dumps([*receipts, own | {"transactionHash": "0x" + "00" * 32}]).encode())
    records = decoded(block).records
    assert records is not None
    root = lists.of_receipts(typed, records.transactions or [], lambda _: "")
    assert root is not None
    every = [log for receipt in receipts for log in receipt["logs"]] + logs
    block |= {"receiptsRoot": "0x" + root.hex(), "logsBloom": bloom_of_logs(every)}
    block["hash"] = "0x" + header_hash(block).hex()
    place = {"blockHash": block["hash"]}
    block["transactions"] = [each | place for each in block["transactions"]]  # type: ignore[attr-defined]
    moved = [each | place | {"logs": [log | place for log in each["logs"]]} for each in receipts]
    found = sorted_out(block, [*moved, own | place | {"transactionHash": block["hash"]}])
    assert found is not None
    assert json.loads(found.raw) == moved
    verifier = Verifier(Bloom(), roots=RootChecks(Bloom()))
    assert RECEIPTS_ROOT in verifier.check(decoded(block), found.receipts, own=found.own)
    with pytest.raises(CheckError, match="logs bloom"):
        verifier.check(decoded(block), found.receipts)
