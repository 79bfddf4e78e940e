"""Answers as public reports describe them: taken with the right value, or refused before publishing by name.

What the listener publishes, `normalize` takes: a block that one of them refuses is lost only where both do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import ShapeError, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.rpc.answers import (
    BatchTooLarge,
    HttpAnswer,
    NodeFailure,
    NoSuchBlock,
    Unsupported,
    result_of,
)
from headwater.evm.answers.places import Counting
from headwater.evm.bloom import Bloom
from schemas.jsonable import to_json
from tests.builders.published import checked, published, taken

pytestmark = pytest.mark.data
Record = dict[str, Any]


def case(data: Path, name: str) -> Record:
    found: Record = json.loads((data / "field-reports" / f"{name}.json").read_bytes())["input"]
    return found


def json_of(record: Record) -> Record:
    """As people read it."""
    shown: Record = to_json(record)  # type: ignore[assignment]
    return shown


def _of_transaction(position: int, **fields: object) -> Callable[[Record], bool]:
    return lambda block: fields.items() <= block["transactions"][position].items()


TAKEN: dict[str, Callable[[Record], bool]] = {
    "amsterdam-header": lambda block: (
        {"blockAccessListHash", "slotNumber"} <= json.loads(block["header"]["extra"]).keys()
    ),
    "authorization-with-v": lambda block: block["transactions"][0]["authorization_list"][0]["y_parity"] == 0,
    "contract-address-empty": lambda block: all(
        each["receipt_contract_address"] in (None, bytes(20)) for each in block["transactions"]
    ),
    "creation-without-to": lambda block: any(each["to_address"] is None for each in block["transactions"]),
    "erc1155-batch-unequal": lambda block: len(block["logs"]) == 1,
    "gas-of-63-bits": lambda block: any(each["gas"] == 2**63 - 1 for each in block["transactions"]),
    "leading-zeros": lambda block: [each["log_index"] for each in block["logs"]] == [0, 1, 2],
    "logs-null": lambda block: block["logs"] == [],
    "op-deposit-without-nonce": lambda block: block["transactions"][0]["nonce"] >= 0,
    "receipt-without-price": lambda block: any(
        each["receipt_effective_gas_price"] is None for each in block["transactions"]
    ),
    "synthetic-tx-null-signature": lambda block: any(
        (each["transaction_type"], each["v"], each["r"], each["s"]) == (88, None, None, None)
        for each in block["transactions"]
    ),
    "transactions-null": lambda block: block["transactions"] == [],
    "type-null": _of_transaction(0, transaction_type=0),
}
# Chains that hash otherwise: the check of the hash is off.
TAKEN_UNHASHED: dict[str, Callable[[Record], bool]] = {
    "bloom-empty-hex": lambda block: block["header"]["logs_bloom"] is None,
    "gas-limit-of-64-bits": lambda block: (
        (json_of(block)["header"]["gas_limit"], block["header"]["difficulty"]) == (2**64 - 1, "0")
    ),
    "nonce-of-32-bytes": lambda block: len(block["header"]["nonce"] or b"") in (0, 32),
}
REFUSED = {
    "log-transaction-index-zero": r"logs\[0\]\.transactionIndex is 0x0, which should be 0x1",
    "log-index-per-transaction": r"logs\[1\]\.logIndex is 0x0, .*chain\.log_indexes",
    "timestamp-nanoseconds": r"timestamp is '0x187174c6515d89a4', not a quantity",
    "transaction-of-another-place": r"transactions\[2\]\.transactionIndex is 0xe, which should be 0x2",
}
REFUSED_UNHASHED = {
    "bloom-of-last-transaction": r"chain\.verify_bloom turns this off",
    "pending-receipt": r"receipts\[1\]\.\w+ is null: it is of no block yet",
    "state-root-empty": r"stateRoot is '0x', not 32 bytes",
}


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_taken(shared_data: Path, name: str) -> None:
    given = case(shared_data, name)
    creations = name != "creation-without-to"  # Its contract's address is made up.
    block = published(given["block"], given["receipts"], header_hash=True, creations=creations)
    assert TAKEN[name](block)


@pytest.mark.parametrize("name", TAKEN_UNHASHED)
def test_it_is_taken_where_the_hash_is_not_checked(shared_data: Path, name: str) -> None:
    given = case(shared_data, name)
    assert TAKEN_UNHASHED[name](published(given["block"], given["receipts"], header_hash=False))
    with pytest.raises(CheckError, match=r"chain\.verify_header_hash turns this off"):
        published(given["block"], given["receipts"], header_hash=True)


@pytest.mark.parametrize("name", [*REFUSED, *REFUSED_UNHASHED])
def test_it_is_refused_before_anything_is_published(shared_data: Path, name: str) -> None:
    given = case(shared_data, name)
    with pytest.raises((CheckError, ShapeError), match=(REFUSED | REFUSED_UNHASHED)[name]):
        published(given["block"], given["receipts"], header_hash=name in REFUSED)


def test_logs_counted_otherwise_are_numbered_by_their_place_where_that_is_the_chains_habit(
    shared_data: Path,
) -> None:
    given = case(shared_data, "log-index-per-transaction")
    counts = [len(each["logs"]) for each in given["receipts"]]
    from_one = iter(range(1, sum(counts) + 1))
    renumbered = [
        each | {"logs": [log | {"logIndex": hex(next(from_one))} for log in each["logs"]]}
        for each in given["receipts"]
    ]
    habits: list[tuple[Counting, list[Record]]] = [("transaction", given["receipts"]), ("one", renumbered)]
    for habit, receipts in habits:
        verifier = Verifier(Bloom(), log_indexes=habit)
        block = taken(checked(given["block"], receipts, verifier), given["block"], receipts)
        assert [each["log_index"] for each in block["logs"]] == list(range(sum(counts)))
        indexes = [log["logIndex"] for each in receipts for log in each["logs"]]
        for place, (log, index) in enumerate(zip(block["logs"], indexes, strict=True)):
            assert log["extra"] == (
                None if index == hex(place) else json.dumps({"logIndex": index}, separators=(",", ":"))
            )
        with pytest.raises(CheckError, match=r"chain\.log_indexes"):
            published(given["block"], receipts, header_hash=True)


def test_receipts_of_no_transaction_are_not_the_blocks(shared_data: Path) -> None:
    given = case(shared_data, "phantom-receipts")
    block = given["block"]
    for receipts in (given["receipts_with_a_copy"], given["receipts_with_a_system_one"]):
        with pytest.raises(CheckError, match="4 receipts for 3 transactions"):
            published(block, receipts, header_hash=True)
        # As they come when they are asked for singly.
        listed = [
            next(each for each in receipts if each["transactionHash"] == one["hash"])
            for one in block["transactions"]
        ]
        assert len(published(block, listed, header_hash=True)["transactions"]) == 3


PHRASES = {
    "-32601 the method eth_getBlockReceipts does not exist/is not available": Unsupported,
    "-32600 Unsupported method: eth_getBlockReceipts": Unsupported,
    "-32000 method is disabled": Unsupported,
    "-32000 rpc method is not whitelisted": Unsupported,
    "-32001 method not allowed on the free tier": Unsupported,
    "-32075 this method is not included in your current plan": Unsupported,
    "-32602 invalid argument 0: hex number > 64 bits": Unsupported,
    "-32000 hex number > 64 bits": Unsupported,
    "-32014 maximum 10 calls in 1 batch": BatchTooLarge,
    "-32000 batch limit 1000 exceeded": BatchTooLarge,
    "-32005 project ID request rate exceeded": NodeFailure,
    "-32007 50/second request limit reached": NodeFailure,
    "12 requested epoch was a null round (5)": NodeFailure,
    "-32000 internal error": NodeFailure,
    "-32602 Unknown block number": NoSuchBlock,
    "-32602 invalid block range: block not yet available": NoSuchBlock,
    "-32000 header for hash not found": NoSuchBlock,
    "-32000 block is not available, try again later": NoSuchBlock,
    "-32001 Resource not found.": NoSuchBlock,
    "-32000 service temporarily not available": NodeFailure,
    "-32000 upstream does not exist": NodeFailure,
    "-32002 resource unavailable": NodeFailure,
    "-32000 missing trie node abc (path ) state 0x01 is not available": NodeFailure,
    "-32603 request timed out": NodeFailure,
}


def failure_of(status: int, body: bytes) -> Exception:
    with pytest.raises((NodeFailure, Unsupported)) as raised:
        result_of("node", "eth_getBlockReceipts", HttpAnswer(status, body))
    return raised.value


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_is_what_it_says_whatever_its_code(phrase: str) -> None:
    code, _, message = phrase.partition(" ")
    error = {"jsonrpc": "2.0", "id": 0, "error": {"code": int(code), "message": message}}
    assert type(failure_of(200, json.dumps(error).encode())) is PHRASES[phrase]


def test_every_phrase_of_the_reports_is_known(shared_data: Path) -> None:
    assert set(case(shared_data, "node-phrases")["phrases"]) <= set(PHRASES)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"code":-32005,"message":"Too Many Requests","data":{"see":""}}'),
        (403, b'{"code":-32005,"message":"Too Many Requests"}'),
        (200, b'{"jsonrpc":"2.0","id":0,"error":"rate limited"}'),
        (200, b'{"jsonrpc":"2.0","error":{"code":429,"message":"Public RPC Rate Limit"}}'),
    ],
)
def test_a_limit_is_waited_for_however_it_is_wrapped(status: int, body: bytes) -> None:
    failure = failure_of(status, body)
    assert isinstance(failure, NodeFailure)
    assert failure.outcome == "throttled"


@pytest.mark.parametrize(
    "result",
    [b"[" * 100_000 + b"]" * 100_000, b'"caf\xe9"', b'{"x":"\\ud800"}'],
    ids=["nested without end", "not UTF-8", "half a surrogate"],
)
def test_bytes_that_nothing_can_read_are_a_bad_answer(result: bytes) -> None:
    block = b'{"number":"0x1","hash":"0x' + b"11" * 32 + b'","parentHash":"0x' + b"22" * 32
    with pytest.raises(ShapeError):
        decode_block(block + b'","timestamp":"0x1","transactions":[],"x":' + result + b"}")
    with pytest.raises(ShapeError):
        decode_receipts(b'[{"transactionHash":"0x","x":' + result + b"}]")
    assert isinstance(failure_of(200, b'{"id":0,"error":{"message":' + result + b"}}"), NodeFailure)
