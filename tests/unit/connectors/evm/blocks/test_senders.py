"""Senders of signed transactions, and the addresses of what they create."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.errors import CheckError
from connectors.evm.leading import verifier_of
from headwater.evm.answers.absent import NOBODY
from headwater.evm.bloom import Bloom
from headwater.evm.creation import created_by
from headwater.settings.profiles import Profile
from tests.builders.chain_answers import SENDER, block, receipt, transaction
from tests.builders.published import checked, taken
from tests.conformance.real_blocks import answer, cases

LENIENT: dict[str, Any] = {"header_hash": False, "logs_bloom": False, "gas_used": False}
VERIFIER = Verifier(Bloom(), **LENIENT)
OTHER = "0x" + "ab" * 20
CREATED = created_by(SENDER, 7)
NONCE_ZERO = created_by(SENDER, 0)


def contract(sent: dict[str, Any], verifier: Verifier = VERIFIER, **of_receipt: Any) -> bytes | None:
    """What is published as created by a transaction. Raises CheckError."""
    answer, receipts = block([transaction(**sent)]), [receipt(to=None, **of_receipt)]
    found: bytes | None = taken(checked(answer, receipts, verifier), answer, receipts)["transactions"][0][
        "receipt_contract_address"
    ]
    return found


@pytest.mark.parametrize("status", ["0x0", "0x1", None])
@pytest.mark.parametrize("kind", ["0x0", "0x1", "0x2", None])
@pytest.mark.parametrize("stated", [None, "", "0x", NOBODY, CREATED, CREATED.upper().replace("X", "x")])
def test_what_creates_has_the_address_of_its_sender_and_nonce(
    stated: str | None, kind: str | None, status: str | None
) -> None:
    found = contract({"to": None, "type": kind}, contractAddress=stated, status=status)
    assert found == bytes.fromhex(CREATED[2:])


def test_another_address_is_refused_with_the_setting() -> None:
    with pytest.raises(
        CheckError, match=rf"receipts\[0\]\.contractAddress is {OTHER}, .* {CREATED} .*created_by_calls"
    ):
        contract({"to": None}, contractAddress=OTHER)


def test_a_chain_that_makes_addresses_otherwise_has_those_of_its_receipts() -> None:
    profile = Profile(
        verify_header_hash=False, verify_bloom=False, verify_gas_used=False, created_by_calls=True
    )
    found = contract({"to": None}, verifier_of(profile, "off"), contractAddress=OTHER)
    assert found == bytes.fromhex(OTHER[2:])


def test_a_call_keeps_what_its_receipt_says() -> None:
    assert contract({}, contractAddress=OTHER) == bytes.fromhex(OTHER[2:])
    assert contract({}, contractAddress=None) is None


def test_a_deposit_creates_by_its_receipts_nonce_and_without_one_what_is_said() -> None:
    sent = {"to": None, "type": "0x7e", "nonce": "0x0"}
    by_nonce = bytes.fromhex(created_by(SENDER, 9)[2:])
    assert contract(sent, type="0x7e", depositNonce="0x9") == by_nonce
    assert contract(sent, type="0x7e", contractAddress=OTHER) == bytes.fromhex(OTHER[2:])
    assert contract(sent, type="0x7e") is None
    with pytest.raises(CheckError, match="created_by_calls"):
        contract(sent, type="0x7e", depositNonce="0x9", contractAddress=OTHER)


@pytest.mark.parametrize("kind", ["0x0", "0x1", "0x2", "0x3", "0x4", None])
def test_a_signed_transaction_has_a_sender(kind: str | None) -> None:
    with pytest.raises(CheckError, match=r"transactions\[0\]\.from is zero, and the transaction is signed"):
        contract({"type": kind, "from": NOBODY})


def test_a_chain_whose_nodes_do_not_tell_it_is_exempt() -> None:
    """Polygon-edge's nodes (polygon-edge#683): what such a one creates is as its receipt says."""
    bare = Verifier(Bloom(), exempt=("bare",), **LENIENT)
    assert contract({"from": NOBODY}, bare) is None
    assert contract({"from": NOBODY, "to": None}, bare, contractAddress=OTHER) == bytes.fromhex(OTHER[2:])
    assert contract({"from": NOBODY, "to": None}, bare) is None
    with pytest.raises(CheckError, match=r"is signed \(chain\.exemptions with bare"):
        contract({"from": NOBODY})


@pytest.mark.parametrize("stated", [NONCE_ZERO, NONCE_ZERO.upper().replace("X", "x")], ids=["lower", "upper"])
def test_a_deposit_whose_contract_is_named_by_nonce_zero_has_the_right_one(stated: str) -> None:
    """Op-reth's nodes (optimism#21549)."""
    sent = {"to": None, "type": "0x7e", "nonce": "0x0"}
    right = bytes.fromhex(created_by(SENDER, 9)[2:])
    assert contract(sent, type="0x7e", depositNonce="0x9", contractAddress=stated) == right
    # That of a deposit which is the first of its sender, or tells no nonce, is as it says.
    first = bytes.fromhex(NONCE_ZERO[2:])
    assert contract(sent, type="0x7e", depositNonce="0x0", contractAddress=stated) == first
    assert contract(sent, type="0x7e", contractAddress=stated) == first
    with pytest.raises(CheckError, match="created_by_calls"):
        contract({"to": None, "nonce": "0x9"}, contractAddress=stated)


@pytest.mark.parametrize("kind", ["0x64", "0x6a", "0x7e", "0x7f", "0xff"])
def test_a_transaction_of_the_chains_own_may_have_none(kind: str) -> None:
    contract({"type": kind, "from": NOBODY})


@pytest.mark.parametrize(
    "signature", [{"r": "0x0", "s": "0x0"}, {"r": None, "s": None}, {"r": "0x0", "s": "0x1"}]
)
def test_so_may_one_without_a_signature(signature: dict[str, str | None]) -> None:
    contract({"type": "0x0", "from": NOBODY, "v": "0x0", "accessList": None} | signature)


@pytest.mark.data
def test_real_chains_have_these_addresses_and_senders(shared_data: object) -> None:
    creations = 0
    for each in cases():
        listed = None if each.receipts is None else answer(each.receipts)
        given = answer(each.block)
        if listed is None or not any(one.get("to") is None for one in given["transactions"]):
            continue
        creations += sum(one.get("to") is None for one in given["transactions"])
        checked(given, listed, VERIFIER)
        left_out = [one | {"contractAddress": None} for one in listed]
        made, known = (
            taken(checked(given, found, VERIFIER), given, found)["transactions"]
            for found in (left_out, listed)
        )
        of_creations = [one for one in range(len(known)) if known[one]["to_address"] is None]
        assert [made[one] for one in of_creations] == [known[one] for one in of_creations]
    assert creations >= 12
