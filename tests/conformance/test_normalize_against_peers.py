"""Every real block is normalised, and says field by field what ethereum-etl said of it."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.evm.transfers import transfers_of
from schemas import codec_for
from streams.logic.normalize.event import normalize
from tests.conformance import etl_rows
from tests.conformance.real_blocks import Case, cases, envelope, normalized, rows

pytestmark = pytest.mark.data
CASES = list(cases())
TABLES: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]]]] = {
    "blocks": etl_rows.blocks,
    "transactions": etl_rows.transactions,
    "receipts": etl_rows.receipts,
    "logs": etl_rows.logs,
    "token_transfers": etl_rows.token_transfers,
}


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("number", "hash", "transaction_hash", "log_index"))


def compare(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Field by field, in any order; a field that the peer does not give is not compared."""
    assert len(found) == len(expected)
    for own, theirs in zip(sorted(found, key=identity), sorted(expected, key=identity), strict=True):
        assert {name: own[name] for name in theirs} == theirs


def test_all_the_blocks_are_there(shared_data: Path) -> None:
    assert len(CASES) == 114
    assert sum(case.receipts is not None for case in CASES) == 62
    assert sum(case.expected is not None for case in CASES) == 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_equal_the_peers(case: Case) -> None:
    event = normalized(case)
    assert event["header"]["transaction_count"] == len(event["transactions"])
    if case.expected is None:
        return
    for name, rows_of in TABLES.items():
        path = case.expected / f"{name}.jsonl.gz"
        if not path.exists():
            continue
        expected = rows(path)
        if case.receipts is None:
            expected = [
                {key: value for key, value in row.items() if not key.startswith("receipt_")}
                for row in expected
            ]
        compare(rows_of(event), expected)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.receipts is not None], ids=lambda case: case.name
)
def test_our_transfers_are_the_peers_but_for_named_differences(case: Case) -> None:
    """Ours of ERC-20 and ERC-721 are among ethereum-etl's; what only it has is not an event of a standard."""
    event = normalized(case)
    theirs = {row["log_index"]: row for row in etl_rows.token_transfers(event)}
    for log in event["logs"]:
        found = [
            each
            for each in transfers_of(log["address"], log["topics"], log["data"])
            if each.standard in ("ERC20", "ERC721")
        ]
        row = theirs.pop(log["log_index"], None)
        if not found:
            assert row is None or _is_unindexed_or_dirty(log), row
            continue
        (own,) = found
        assert row is not None
        assert (etl_rows.text(own.sender), etl_rows.text(own.receiver)) == (
            row["from_address"],
            row["to_address"],
        )
        assert int(own.value if own.token_id is None else own.token_id) == row["value"]
    assert theirs == {}


def _is_unindexed_or_dirty(log: dict[str, Any]) -> bool:
    """Transfer events of before the standards (nothing indexed), or words that are not addresses."""
    return len(log["topics"]) < 3 or any(word[:12] != bytes(12) for word in log["topics"][1:3])


def test_ethereum_etls_own_stream_case(shared_data: Path) -> None:
    folder = shared_data / "ethereum-etl/stream/blocks_17173049_17173050"
    own = [case for case in CASES if folder in case.block.parents]
    events = [normalized(case) for case in own]
    assert len(events) == 2
    for name, file in (
        ("blocks", "expected_blocks.json"),
        ("transactions", "expected_transactions.json.gz"),
        ("logs", "expected_logs.json.gz"),
        ("token_transfers", "expected_token_transfers.json.gz"),
    ):
        compare([row for event in events for row in TABLES[name](event)], rows(folder / file))


def test_ethereum_etls_own_export_case(shared_data: Path) -> None:
    folder = shared_data / "ethereum-etl/export_blocks/blocks_with_transactions_and_withdrawals"
    own = [case for case in CASES if folder in case.block.parents]
    events = [normalized(case) for case in own]
    for name, file in (
        ("blocks", "expected_blocks.json"),
        ("transactions", "expected_transactions.json.gz"),
    ):
        compare([row for event in events for row in TABLES[name](event)], rows(folder / file))


def test_ethereum_etls_own_genesis_case(shared_data: Path) -> None:
    folder = shared_data / "ethereum-etl/export_blocks/block_without_transactions"
    answer = json.loads((folder / "web3_response.eth_getBlockByNumber_0x0_true.json").read_text())["result"]
    (body,) = normalize(envelope(answer), json.dumps(answer).encode(), b"[]")
    event = codec_for("normalized-blocks").read(body)
    ((own,), (theirs,)) = (
        etl_rows.blocks(event),
        csv.DictReader((folder / "expected_blocks.csv").read_text().splitlines()),
    )
    shown = {name: "" if value in (None, []) else str(value) for name, value in own.items()}
    assert {name: shown[name] for name in theirs} == theirs
    # What Parity says beyond the standard stays.
    assert json.loads(event["header"]["extra"])["author"] == "0x" + "00" * 20


def test_ethereum_etls_own_transfer_case(shared_data: Path) -> None:
    folder = shared_data / "ethereum-etl/extract_token_transfers/logs_csv"
    expected = {
        (row["transaction_hash"], int(row["log_index"])): row
        for row in csv.DictReader((folder / "expected_token_transfers.csv").read_text().splitlines())
    }
    assert expected
    for row in csv.DictReader((folder / "logs.csv").read_text().splitlines()):
        topics = [bytes.fromhex(each[2:]) for each in row["topics"].split(",") if each]
        found = transfers_of(bytes.fromhex(row["address"][2:]), topics, bytes.fromhex(row["data"][2:]))
        theirs = expected.pop((row["transaction_hash"], int(row["log_index"])), None)
        if theirs is None:
            assert not found
            continue
        (own,) = found
        assert (etl_rows.text(own.sender), etl_rows.text(own.receiver), own.token_id or own.value) == (
            theirs["from_address"],
            theirs["to_address"],
            theirs["value"],
        )
    assert expected == {}


def test_coinbases_transfers_of_every_standard(shared_data: Path) -> None:
    """chainstorage's normalised blocks name ERC-20 and ERC-721 transfers of their own reading."""
    compared = 0
    for case in CASES:
        native = case.block.parent.parent / "expected_native.json.gz"
        if not native.exists() or case.receipts is None:
            continue
        found = [
            (log["log_index"], each.standard, etl_rows.text(each.sender), etl_rows.text(each.receiver))
            for log in normalized(case)["logs"]
            for each in transfers_of(log["address"], log["topics"], log["data"])
            if each.standard != "ERC1155"
        ]
        theirs = _native_transfers(json.loads(gzip.decompress(native.read_bytes())))
        compared += len(theirs)
        assert sorted(found) == sorted(theirs), case.name
    assert compared > 100


def _native_transfers(block: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    """Its protobuf's JSON leaves zeros out and writes numbers as strings."""
    return [
        (
            int(each.get("logIndex", 0)),
            "ERC721" if "erc721" in each else "ERC20",
            each["fromAddress"],
            each["toAddress"],
        )
        for own in block["ethereum"].get("transactions", ())
        for each in own.get("tokenTransfers", ())
    ]
