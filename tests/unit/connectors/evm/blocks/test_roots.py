"""The roots of every real block at hand, and of answers in which something was changed or cut off."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sha3

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import Block, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.roots import ONE_IN, RECEIPTS_ROOT, TRANSACTIONS_ROOT, WITHDRAWALS_ROOT, RootChecks
from connectors.evm.blocks.state_sync import without_state_sync
from headwater.evm.answers.shapes import Receipt
from headwater.evm.bloom import Bloom
from headwater.evm.roots import lists
from headwater.evm.roots.receipts import Form
from headwater.evm.roots.transactions import encoded
from headwater.settings.chain import Root, VerifyRoots
from tests.builders.chain_of import profile_of_block
from tests.builders.recorded_answers import with_receipts

pytestmark = pytest.mark.data
Json = dict[str, Any]
Answers = tuple[Json, list[Json]]
ALL = (TRANSACTIONS_ROOT, RECEIPTS_ROOT, WITHDRAWALS_ROOT)
CHECKS = RootChecks(Bloom(), "all")
BARE = RootChecks(Bloom(), "all", exempt=("bare",))
SAMPLED = 256 // ONE_IN
# Without signatures: a peer's tables do not have them.
UNSIGNED = {17173049, 17173050}


def decoded(block: Json) -> Block:
    return decode_block(json.dumps(block).encode())


def check(
    block: Json, receipts: list[Json], checks: RootChecks = CHECKS, *, executed: bool = True
) -> tuple[str, ...]:
    """As the profile of its chain has it."""
    read = decoded(block)
    assert read.records is not None
    listed: Sequence[Receipt] = decode_receipts(json.dumps(receipts).encode())
    exempt = {*checks.exempt, *profile_of_block(block).exemptions}
    if "state_sync" in exempt:
        listed = without_state_sync(read, read.records.transactions or [], listed)
    return replace(checks, exempt=exempt).check(read, read.records, listed, executed=executed)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[Answers]:
    return with_receipts(shared_data)


def test_the_roots_of_every_real_block_hold(real: list[Answers]) -> None:
    found = Counter(
        name
        for block, receipts in real
        if int(block["number"], 16) not in UNSIGNED
        for name in check(block, receipts)
    )
    signed = len(real) - len(UNSIGNED)
    assert (found[TRANSACTIONS_ROOT], found[RECEIPTS_ROOT]) == (signed, signed)
    assert found[WITHDRAWALS_ROOT] >= 30


def test_transactions_that_come_without_signatures_are_refused_where_the_chain_is_not_exempt(
    real: list[Answers],
) -> None:
    for block, receipts in real:
        if int(block["number"], 16) in UNSIGNED:
            assert check(block, receipts, BARE) == (RECEIPTS_ROOT, WITHDRAWALS_ROOT)
            with pytest.raises(
                CheckError, match=r"transactions\[0\]\.r is missing \(chain\.exemptions with bare"
            ) as refused:
                check(block, receipts)
            assert refused.value.check == TRANSACTIONS_ROOT


@pytest.fixture
def given(real: list[Answers]) -> Answers:
    return copy.deepcopy(next(each for each in real if int(each[0]["number"], 16) == 17686112))


SPOILT: dict[str, tuple[str, Callable[[Json, list[Json]], object]]] = {
    "value": (TRANSACTIONS_ROOT, lambda block, _: block["transactions"][3].update(value="0x1")),
    "input": (TRANSACTIONS_ROOT, lambda block, _: block["transactions"][3].update(input="0x")),
    "hash": (TRANSACTIONS_ROOT, lambda block, _: block["transactions"][3].update(hash="0x" + "11" * 32)),
    "order": (TRANSACTIONS_ROOT, lambda block, _: block["transactions"].reverse()),
    "status": (RECEIPTS_ROOT, lambda _, receipts: receipts[3].update(status="0x0")),
    "data": (RECEIPTS_ROOT, lambda _, receipts: receipts[0]["logs"][0].update(data="0x")),
    "bloom": (RECEIPTS_ROOT, lambda _, receipts: receipts[0].update(logsBloom="0x" + "zz" * 256)),
    "amount": (WITHDRAWALS_ROOT, lambda block, _: block["withdrawals"][0].update(amount="0x1")),
    "withdrawals": (WITHDRAWALS_ROOT, lambda block, _: block.pop("withdrawals")),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_was_changed_is_refused_by_the_root_that_has_it(name: str, given: Answers) -> None:
    root, spoil = SPOILT[name]
    spoil(*given)
    with pytest.raises(CheckError, match="block 17686112: ") as refused:
        check(*given)
    assert refused.value.check == root


def test_a_transaction_of_an_unknown_type_leaves_the_rest_verified(given: Answers) -> None:
    block, receipts = given
    block["transactions"][3]["type"] = receipts[3]["type"] = "0x58"
    assert check(block, receipts) == (WITHDRAWALS_ROOT,)
    # Whatever is known of the others holds.
    block["transactions"][5]["value"] = "0xffff"
    with pytest.raises(CheckError, match=r"transactions\[5\]\.hash is"):
        check(block, receipts)


def _of_type(given: Answers, kind: int) -> Answers:
    """One transaction of another type, and the receipts root of that."""
    block, receipts = given
    block["transactions"][3]["type"] = receipts[3]["type"] = hex(kind)
    read = decoded(block)
    assert read.records is not None
    found = lists.of_receipts(
        decode_receipts(json.dumps(receipts).encode()),
        read.records.transactions or [],
        lambda _: "",
        Form(guessed=True),
    )
    assert found is not None
    return block | {"receiptsRoot": "0x" + found.hex()}, receipts


def test_receipts_of_an_unknown_type_are_verified_where_they_make_the_root(given: Answers) -> None:
    block, receipts = _of_type(given, 0x6A)
    arbitrum = RootChecks(Bloom(), "all", ("receipts",), receipt_types=(0x6A,))
    unknown = replace(arbitrum, receipt_types=())
    assert check(block, receipts, arbitrum) == check(block, receipts, unknown) == (RECEIPTS_ROOT,)
    receipts[0]["logs"][0]["data"] = "0x"
    assert check(block, receipts, unknown) == ()
    with pytest.raises(CheckError, match="its receipts root is"):
        check(block, receipts, arbitrum)


SPOILT_FORMS: dict[str, tuple[str, Callable[[Json, list[Json]], object]]] = {
    "transactions[3].r is missing": (TRANSACTIONS_ROOT, lambda block, _: block["transactions"][3].pop("r")),
    "transactions[3].s is missing": (
        TRANSACTIONS_ROOT,
        lambda block, _: block["transactions"][3].update(s=None),
    ),
    "transactions[3].blobs are none of a block's": (
        TRANSACTIONS_ROOT,
        lambda block, _: block["transactions"][3].update(type="0x3", blobs=["0x00"]),
    ),
    "transactions[3].authorizationList lacks a yParity": (
        TRANSACTIONS_ROOT,
        lambda block, _: block["transactions"][3].update(type="0x4", authorizationList=[AUTHORIZATION]),
    ),
    "receipts[3].status is missing": (RECEIPTS_ROOT, lambda _, receipts: receipts[3].update(status=None)),
}
AUTHORIZATION = {"chainId": "0x1", "address": "0x" + "11" * 20, "nonce": "0x1", "r": "0x1", "s": "0x1"}


@pytest.mark.parametrize("name", SPOILT_FORMS)
def test_what_every_transaction_of_a_known_type_has_is_not_left_out(name: str, given: Answers) -> None:
    root, spoil = SPOILT_FORMS[name]
    spoil(*given)
    what = re.escape(f"block 17686112: {name} (chain.exemptions with bare")
    with pytest.raises(CheckError, match=what) as refused:
        check(*given)
    assert refused.value.check == root
    only: Root = "transactions" if root == TRANSACTIONS_ROOT else "receipts"
    assert check(*given, replace(BARE, hold=(only,))) == ()


ZEROS = {"v": "0x0", "r": "0x0", "s": "0x0"}


@pytest.mark.parametrize("left_out", [("v", "r", "s"), ("r",), ("s",)], ids=["all", "r", "s"])
def test_a_signature_of_zeros_may_be_null_where_the_hash_says_that_it_was_one(
    left_out: tuple[str, ...], given: Answers
) -> None:
    """Of the OP stack before Bedrock (erigon#21321)."""
    block, receipts = given
    sent = block["transactions"][3]
    sent |= {"type": "0x0", "from": "0x" + "00" * 20, **ZEROS}
    receipts[3]["type"] = "0x0"
    read = decoded(block)
    assert read.records is not None
    listed = read.records.transactions or []
    value = encoded(listed[3])
    assert value is not None
    sent["hash"] = listed[3].hash = "0x" + sha3.keccak_256(value).hexdigest()
    root = lists.of_transactions(listed)
    assert root is not None
    block["transactionsRoot"] = "0x" + root.hex()
    checks = replace(CHECKS, hold=("transactions",))
    assert check(block, receipts, checks) == (TRANSACTIONS_ROOT,)
    sent |= dict.fromkeys(left_out)
    assert check(block, receipts, checks) == (TRANSACTIONS_ROOT,)
    # What has another hash, or another sender, lost its signature.
    for other in ({"hash": "0x" + "11" * 32}, {"value": "0x1"}, {"from": "0x" + "11" * 20}):
        spoilt = block | {"transactions": [*block["transactions"]]}
        spoilt["transactions"][3] = sent | other
        with pytest.raises(CheckError, match=r"transactions\[3\]\.[rs] is missing .*bare"):
            check(spoilt, receipts, checks)


def test_a_status_from_before_byzantium_is_in_no_root(real: list[Answers]) -> None:
    """Nodes and providers answer old blocks with a status alone, or with neither."""
    tried = 0
    mainnet = replace(CHECKS, byzantium=4_370_000)
    for block, receipts in real:
        if receipts and _before_byzantium(block) and profile_of_block(block).byzantium_block:
            tried += 1
            for status in ("0x1", None):
                answered = [each | {"status": status, "root": None} for each in receipts]
                assert check(block, answered, mainnet) == (TRANSACTIONS_ROOT,)
                with pytest.raises(CheckError, match=r"receipts root|status is missing"):
                    check(block, answered)
            # Where one has it, all have.
            with pytest.raises(CheckError, match="receipts root"):
                check(block, [receipts[0] | {"cumulativeGasUsed": "0x1"}, *receipts[1:]], mainnet)
    assert tried > 1


def test_a_deposit_is_verified_without_its_version_and_its_nonce(real: list[Answers]) -> None:
    block, receipts = next(each for each in real if each[0]["transactions"][0]["type"] == "0x7e")
    assert RECEIPTS_ROOT in check(block, receipts)
    nonce = {"depositNonce": "0x9"}
    with pytest.raises(CheckError, match="receipts root"):
        check(block, [receipts[0] | {"status": "0x0"}, *receipts[1:]])
    # Before Canyon a version is none of the root's.
    versioned = [receipts[0] | nonce | {"depositReceiptVersion": "0x1"}, *receipts[1:]]
    assert RECEIPTS_ROOT in check(block, versioned)
    read = decoded(block)
    assert read.records is not None
    listed = decode_receipts(json.dumps(versioned).encode())
    canyon = lists.of_receipts(listed, read.records.transactions or [], CHECKS._bloom_of)
    assert canyon is not None
    later = block | {"receiptsRoot": "0x" + canyon.hex()}
    assert RECEIPTS_ROOT in check(later, [receipts[0] | nonce, *receipts[1:]])
    sent = [block["transactions"][0] | {"nonce": "0x9"}, *block["transactions"][1:]]
    assert RECEIPTS_ROOT in check(later | {"transactions": sent}, receipts)
    with pytest.raises(CheckError, match="receipts root"):
        check(later, receipts)


def _before_byzantium(block: Json) -> bool:
    return int(block["number"], 16) < 4_370_000


@pytest.mark.parametrize("known", ["root", "status"])
def test_a_receipt_with_status_and_state_root_is_held_against_the_one_that_is_meant(
    real: list[Answers], known: str
) -> None:
    """Some nodes and providers answer both, of blocks of any age."""
    tried = 0
    for block, receipts in real:
        if not receipts or _before_byzantium(block) is not (known == "root"):
            continue
        other = {"status": "0x1"} if known == "root" else {"root": "0x" + "ee" * 32}
        both = [each | other for each in receipts if each.get(known) is not None]
        if len(both) < len(receipts):
            continue
        tried += 1
        assert RECEIPTS_ROOT in check(block, both, BARE)
        lost = [both[0] | {"cumulativeGasUsed": "0x1"}, *both[1:]]
        with pytest.raises(CheckError, match="receipts root"):
            check(block, lost, BARE)
    assert tried > 1


def test_roots_that_do_not_hold_on_a_chain_are_left_out(given: Answers) -> None:
    block, receipts = given
    receipts[3]["status"] = "0x0"
    assert check(block, receipts, RootChecks(Bloom(), hold=("transactions",))) == (TRANSACTIONS_ROOT,)


def test_a_header_that_settles_earlier_blocks_has_not_this_blocks_receipts(
    given: Answers,
) -> None:
    # Avalanche from Helicon on.
    block, receipts = given
    receipts[3]["status"] = "0x0"
    assert check(block, receipts, executed=False) == (TRANSACTIONS_ROOT, WITHDRAWALS_ROOT)


def test_the_withdrawals_root_of_an_op_stack_is_none_of_withdrawals(
    real: list[Answers],
) -> None:
    block, receipts = next(each for each in real if each[0]["transactions"][0]["type"] == "0x7e")
    isthmus = block | {"withdrawalsRoot": "0x" + "ab" * 32, "withdrawals": []}
    assert check(isthmus, receipts) == (TRANSACTIONS_ROOT, RECEIPTS_ROOT)
    read = decoded(isthmus)
    assert read.records is not None
    with pytest.raises(CheckError, match="withdrawals root"):
        CHECKS.check_none(read.records)


@pytest.mark.parametrize(
    ("setting", "at_head", "behind"),
    [
        ("off", 0, 0),
        ("sampled", 256 // ONE_IN, 256 // ONE_IN),
        ("all", 256, 256),
        ("head", 256, 256 // ONE_IN),
    ],
)
def test_the_setting_says_of_which_blocks(setting: VerifyRoots, at_head: int, behind: int) -> None:
    checks = RootChecks(Bloom(), setting)
    hashes = [bytes(31) + bytes([last]) for last in range(256)]
    assert sum(checks.are_due(each, True) for each in hashes) == at_head
    assert sum(checks.are_due(each, False) for each in hashes) == behind


@pytest.mark.parametrize("lost", [None, [], "0x"], ids=str)
def test_withdrawals_that_were_lost_are_missed_in_every_block(real: list[Answers], lost: object) -> None:
    """Also in those whose roots are not made anew, while the chain is caught up with."""
    verifier = Verifier(Bloom(), roots=RootChecks(Bloom(), "head"))

    def checked(block: Json, receipts: list[Json]) -> tuple[str, ...]:
        listed = decode_receipts(json.dumps(receipts).encode())
        return verifier.check(decoded(block), listed, at_head=False)

    due = verifier.roots.are_due
    having = [
        each for each in real if each[0].get("withdrawals") and not due(decoded(each[0]).head.hash, False)
    ]
    assert len(having) > 5
    for block, receipts in having:
        assert WITHDRAWALS_ROOT not in checked(block, receipts)
        with pytest.raises(CheckError, match="its withdrawals root is"):
            checked(block | {"withdrawals": lost}, receipts)
    block, receipts = next(
        each
        for each in real
        if each[0].get("withdrawals") == [] and each[0]["transactions"][0]["type"] != "0x7e"
    )
    assert WITHDRAWALS_ROOT in checked(block, receipts)
