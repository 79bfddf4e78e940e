"""Answers of many nodes and chains, whole blocks or not: every record of theirs is taken as it is.

Fixtures of peers hold parts of blocks; each of their transactions is put into a block of its own, with
its receipt where there is one.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import codec_for
from streams.logic.normalize.event import normalize
from tests.conformance.real_blocks import bare_receipts, envelope

pytestmark = pytest.mark.data
FOLDERS = ("chainstorage/rpc_shapes", "chainstorage/snippets", "rpc-tests", "execution-apis/tests")
Answer = dict[str, Any]


def documents(root: Path) -> Iterator[Any]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if "callTracer" in path.name or "trace" in str(path).lower():
                continue
            if path.name.endswith((".json", ".json.gz")):
                raw = path.read_bytes()
                yield json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
            elif path.suffix == ".io":
                for line in path.read_text().splitlines():
                    if line.startswith("<< "):
                        yield json.loads(line[3:])


def objects(document: Any) -> Iterator[Answer]:
    if isinstance(document, dict):
        yield document
        for inner in document.values():
            yield from objects(inner)
    elif isinstance(document, list):
        for inner in document:
            yield from objects(inner)


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> tuple[list[Answer], dict[str, Answer]]:
    """Blocks with full transactions, and receipts by transaction hash.

    A transaction that was asked for alone stands in a block of the same chain's.
    """
    root: Path = request.getfixturevalue("shared_data")
    blocks: dict[str, Answer] = {}
    receipts: dict[str, Answer] = {}
    single: dict[str, Answer] = {}
    for document in documents(root):
        for each in objects(document):
            full = [one for one in each.get("transactions") or () if isinstance(one, dict)]
            if "transactionsRoot" in each and full and each.get("hash"):
                blocks[each["hash"]] = each
            elif "cumulativeGasUsed" in each and "logs" in each:
                receipts[each["transactionHash"]] = each
            elif each.get("blockHash") and {"hash", "nonce", "gas", "input", "from"} <= each.keys():
                single[each["hash"]] = each
    anywhere = next(iter(blocks.values()))
    loose = [anywhere | {"hash": each["blockHash"], "transactions": [each]} for each in single.values()]
    return [*blocks.values(), *loose], receipts


def alone(block: Answer, transaction: Answer, receipt: Answer | None) -> tuple[Answer, Answer]:
    """A block of this transaction only, positions made right."""
    place = {"transactionIndex": "0x0", "blockNumber": block["number"], "blockHash": block["hash"]}
    own = transaction | place
    logs = [log | place for log in (receipt or {}).get("logs", ())]
    return block | {"transactions": [own]}, (receipt or bare_receipts({"transactions": [own]})[0]) | place | {
        "logs": logs
    }


def test_each_transaction_and_receipt_is_taken(answers: tuple[list[Answer], dict[str, Answer]]) -> None:
    blocks, receipts = answers
    kinds: set[int] = set()
    extras: set[str] = set()
    with_receipt = 0
    for block in blocks:
        for transaction in block["transactions"]:
            own, receipt = alone(block, transaction, receipts.get(transaction["hash"]))
            (body,) = normalize(envelope(own), json.dumps(own).encode(), json.dumps([receipt]).encode())
            event = codec_for("normalized-blocks").read(body)
            (found,) = event["transactions"]
            kinds.add(found["transaction_type"])
            with_receipt += transaction["hash"] in receipts
            for text in (found["extra"], found["receipt_extra"], event["header"]["extra"]):
                extras.update(json.loads(text) if text else ())
    assert {0, 1, 2, 3, 4, 0x6A, 0x78} <= kinds, sorted(kinds)
    assert {
        "gasUsedForL1",
        "l1BlockNumber",
        "feeStats",
        "arbType",
        "auraSeal",
        "sendRoot",
    } <= extras, sorted(extras)
    assert with_receipt > 20
