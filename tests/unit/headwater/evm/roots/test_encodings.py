"""The encoding of transactions and receipts, beside pyrlp and beside what eth-account signs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import rlp
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from headwater.evm.answers.canonical import canonical
from headwater.evm.answers.shapes import Receipt, Transaction
from headwater.evm.roots import hexrlp, receipts, transactions

KEY = "0x" + "11" * 32
TO = "0x" + "42" * 20
ACCESS = [
    {"address": TO, "storageKeys": ["0x" + "0a" * 32, "0x" + "0b" * 32]},
    {"address": TO, "storageKeys": []},
]
FEES = {"maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 0}
SENT: dict[str, dict[str, Any]] = {
    "legacy": {"gasPrice": 10**9},
    "legacy creation": {"gasPrice": 10**9, "to": ""},
    "legacy before EIP-155": {"gasPrice": 10**9, "chainId": None},
    "access list": {"type": 1, "gasPrice": 10**9, "accessList": ACCESS},
    "dynamic fee": {"type": 2, **FEES, "accessList": []},
    "dynamic fee creation": {"type": 2, **FEES, "to": "", "accessList": ACCESS},
    "set code": {
        "type": 4,
        **FEES,
        "authorizationList": [Account.sign_authorization({"chainId": 1, "address": TO, "nonce": 0}, KEY)],
    },
}


def as_answered(fields: dict[str, Any], signed: Any) -> Transaction:
    """The transaction as a node answers it."""
    shown: dict[str, Any] = {
        name: hex(value) if isinstance(value, int) else value
        for name, value in fields.items()
        if name != "data"
    }
    shown |= {
        "hash": "0x" + signed.hash.hex(),
        "from": TO,
        "input": fields["data"],
        "to": fields["to"] or None,
    }
    shown |= {"v": hex(signed.v), "r": hex(signed.r), "s": hex(signed.s)}
    if "authorizationList" in fields:
        shown["authorizationList"] = [
            {
                "chainId": hex(each.chain_id),
                "address": "0x" + bytes(each.address).hex(),
                "nonce": hex(each.nonce),
                "yParity": hex(each.y_parity),
                "r": hex(each.r),
                "s": hex(each.s),
            }
            for each in fields["authorizationList"]
        ]
    return msgspec.convert(canonical(shown, Transaction), Transaction)


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize(
    "data", ["0x", "0x7f", "0x80", "0x" + "ab" * 55, "0x" + "ab" * 56, "0x" + "ab" * 300]
)
def test_a_transaction_is_what_was_signed(name: str, data: str) -> None:
    fields = {"chainId": 1, "nonce": 128, "gas": 21_000, "to": TO, "value": 0, "data": data} | SENT[name]
    fields = {each: value for each, value in fields.items() if value is not None}
    signed = Account.sign_transaction(fields, KEY)
    assert transactions.encoded(as_answered(fields, signed)) == bytes(signed.raw_transaction)


def test_a_blob_transaction_is_what_was_signed() -> None:
    answered: dict[str, Any] = {
        "type": "0x3",
        "chainId": "0x1",
        "nonce": "0x0",
        "gas": "0x5208",
        "maxFeePerGas": "0x2",
        "maxPriorityFeePerGas": "0x1",
        "maxFeePerBlobGas": "0x80",
        "to": TO,
        "value": "0x0",
        "input": "0x",
        "accessList": [],
        "blobVersionedHashes": ["0x01" + "cd" * 31],
        "yParity": "0x1",
        "r": "0x3",
        "s": "0x4",
        "hash": "0x" + "00" * 32,
        "from": TO,
    }
    # EIP-4844, in its order.
    fields = [1, 0, 1, 2, 21_000, bytes.fromhex(TO[2:]), 0, b"", [], 0x80, [b"\x01" + b"\xcd" * 31], 1, 3, 4]
    found = transactions.encoded(msgspec.convert(canonical(answered, Transaction), Transaction))
    assert found == b"\x03" + rlp.encode(fields)


def test_a_blob_transaction_with_its_sidecar_is_not_known() -> None:
    """As anvil answers it, and makes the root: of the form in which it is sent."""
    answered = {
        **{"type": "0x3", "chainId": "0x1", "nonce": "0x0", "gas": "0x5208", "to": TO, "value": "0x0"},
        **{"maxFeePerGas": "0x2", "maxPriorityFeePerGas": "0x1", "maxFeePerBlobGas": "0x80", "input": "0x"},
        **{"hash": "0x" + "ab" * 32, "from": TO, "accessList": [], "blobVersionedHashes": []},
        **{"v": "0x0", "r": "0x1", "s": "0x1"},
    }
    assert transactions.encoded(msgspec.convert(canonical(answered, Transaction), Transaction)) is not None
    sidecar = answered | {"blobs": ["0x00"], "commitments": ["0x00"], "proofs": ["0x00"]}
    assert transactions.encoded(msgspec.convert(canonical(sidecar, Transaction), Transaction)) is None


@given(st.integers(0, 2**256 - 1), st.integers(0, 8))
def test_quantities_are_what_pyrlp_encodes_padded_or_not(number: int, zeros: int) -> None:
    assert hexrlp.quantity(f"0x{'0' * zeros}{number:x}") == rlp.encode(number).hex()


@given(st.one_of(st.binary(max_size=70), st.binary(min_size=250, max_size=260)))
def test_bytes_are_what_pyrlp_encodes(value: bytes) -> None:
    assert hexrlp.octets("0x" + value.hex()) == rlp.encode(value).hex()


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_lists_are_what_pyrlp_encodes(values: list[bytes]) -> None:
    assert (
        hexrlp.listed("".join(hexrlp.octets("0x" + each.hex()) for each in values))
        == rlp.encode(values).hex()
    )


def test_a_type_that_nobody_knows_has_no_encoding() -> None:
    unknown = Transaction("0x" + "00" * 32, TO, type="0x58", r="0x1", s="0x1")
    assert transactions.encoded(unknown) is None
    assert (
        receipts.encoded(
            Receipt(cumulative_gas_used="0x1", gas_used="0x1", transaction_hash="0x", status="0x1"),
            0x58,
            no_bloom,
        )
        is None
    )


def test_a_signature_that_was_left_out_is_not_known() -> None:
    assert transactions.encoded(Transaction("0x" + "00" * 32, TO, type="0x2", r=None, s="0x1")) is None


def no_bloom(_: object) -> str:
    return "0x" + "00" * 256


TOPICS = ["0x" + "0c" * 32, "0x" + "0d" * 32]
LOG = {"address": TO, "data": "0x1234"}
BLOOM = bytes(range(256))


def receipt_of(**fields: Any) -> Receipt:
    shown = {
        "cumulativeGasUsed": "0x5208",
        "gasUsed": "0x5208",
        "logs": [LOG | {"topics": topics} for topics in (TOPICS, [], TOPICS * 2, TOPICS[:1])],
        "logsBloom": "0x" + BLOOM.hex(),
        "transactionHash": "0x" + "00" * 32,
    } | fields
    return msgspec.convert(canonical(shown, Receipt), Receipt)


def log_of(*topics: bytes) -> list[object]:
    return [bytes.fromhex(TO[2:]), list(topics), b"\x12\x34"]


ONE, TWO = b"\x0c" * 32, b"\x0d" * 32
LOGS = [log_of(ONE, TWO), log_of(), log_of(ONE, TWO, ONE, TWO), log_of(ONE)]


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"status": "0x1"}, 0, rlp.encode([1, 21_000, BLOOM, LOGS])),
        ({"status": "0x0"}, 2, b"\x02" + rlp.encode([0, 21_000, BLOOM, LOGS])),
        ({"root": "0x" + "ee" * 32}, 0, rlp.encode([b"\xee" * 32, 21_000, BLOOM, LOGS])),
        ({"status": "0x1", "logs": None}, 4, b"\x04" + rlp.encode([1, 21_000, BLOOM, []])),
        # OP stack: before Regolith, between Regolith and Canyon, from Canyon on.
        ({"status": "0x1"}, 0x7E, b"\x7e" + rlp.encode([1, 21_000, BLOOM, LOGS])),
        ({"status": "0x1", "depositNonce": "0x9"}, 0x7E, b"\x7e" + rlp.encode([1, 21_000, BLOOM, LOGS])),
        (
            {"status": "0x1", "depositNonce": "0x9", "depositReceiptVersion": "0x1"},
            0x7E,
            b"\x7e" + rlp.encode([1, 21_000, BLOOM, LOGS, 9, 1]),
        ),
    ],
)
def test_a_receipt_is_what_its_root_is_made_of(fields: dict[str, Any], kind: int, expected: bytes) -> None:
    assert receipts.encoded(receipt_of(**fields), kind, no_bloom) == expected


@pytest.mark.parametrize("bloom", [None, "0x"])
def test_a_bloom_that_was_left_out_is_made_of_the_logs(bloom: str | None) -> None:
    found = receipts.encoded(
        receipt_of(status="0x1", logsBloom=bloom), 0, lambda logs: f"0x{len(logs):0512x}"
    )
    assert found == rlp.encode([1, 21_000, (4).to_bytes(256, "big"), LOGS])


def test_of_status_and_root_either_may_be_what_is_meant_and_neither_is_not_known() -> None:
    both = receipt_of(status="0x1", root="0x" + "ee" * 32)
    assert receipts.encoded(both, 0, no_bloom) == rlp.encode([1, 21_000, BLOOM, LOGS])
    by_state = receipts.encoded(both, 0, no_bloom, receipts.Form(by_state=True))
    assert by_state == rlp.encode([b"\xee" * 32, 21_000, BLOOM, LOGS])
    assert receipts.encoded(receipt_of(), 0, no_bloom) is None


def test_a_type_that_is_not_known_is_guessed_as_ethereums_where_that_is_asked_for() -> None:
    stated, guessed = receipt_of(status="0x1"), receipts.Form(guessed=True)
    assert receipts.encoded(stated, 0x6A, no_bloom) is None
    assert receipts.encoded(stated, 0x6A, no_bloom, guessed) == b"\x6a" + rlp.encode([1, 21_000, BLOOM, LOGS])
    assert receipts.encoded(stated, 0x78, no_bloom, guessed) == rlp.encode([1, 21_000, BLOOM, LOGS])
    assert receipts.encoded(stated, 0xFF, no_bloom, guessed) is None


@given(st.integers(0, 2**64 - 1))
def test_a_deposits_nonce_is_its_receipts_or_its_own(nonce: int) -> None:
    whole = receipt_of(status="0x1", depositNonce=hex(nonce), depositReceiptVersion="0x1")
    plain, versioned = receipts.Form(versioned=False), receipts.Form(versioned=True)
    expected = b"\x7e" + rlp.encode([1, 21_000, BLOOM, LOGS, nonce, 1])
    assert receipts.encoded(whole, 0x7E, no_bloom) == expected
    for lacking in (receipt_of(status="0x1"), receipt_of(status="0x1", depositReceiptVersion="0x1")):
        assert receipts.encoded(lacking, 0x7E, no_bloom, versioned, hex(nonce)) == expected
    bare = b"\x7e" + rlp.encode([1, 21_000, BLOOM, LOGS])
    assert receipts.encoded(whole, 0x7E, no_bloom, plain) == bare
    assert [each.versioned for each in receipts.forms([whole], [0x7E])] == [None, False]
    assert [each.versioned for each in receipts.forms([receipt_of(status="0x1")], [0x7E])] == [None, True]
    assert len(list(receipts.forms([whole], [2]))) == 1
