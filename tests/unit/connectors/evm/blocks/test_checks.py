"""The checks before publishing, over every real block with receipts at hand, and on spoilt copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.evm.blocks.checks import Verifier, check_place
from connectors.evm.blocks.decode import Block, ShapeError, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.state_sync import state_sync_hash
from headwater.evm.bloom import Bloom, bits_of
from headwater.evm.header import header_hash
from headwater.settings.chain import Exemption
from tests.builders.chain_of import profile_of_block
from tests.builders.recorded_answers import with_receipts

pytestmark = pytest.mark.data
VERIFIER = Verifier(Bloom())
ZERO = "0x" + "00" * 20
Json = dict[str, Any]

# Rebuilt by a peer from its tables, which lack the mix hash: their headers cannot hash.
WITHOUT_MIX_HASH = {17173049, 17173050}


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[tuple[Json, list[Json]]]:
    """Every block with full transactions whose receipts are recorded too, of all chains."""
    return with_receipts(shared_data)


def check(block: Json, receipts: object, exempt: tuple[Exemption, ...] | None = None) -> tuple[str, ...]:
    """As its chain's profile has it, or exempt from so much."""
    verifier = replace(VERIFIER, exempt=profile_of_block(block).exemptions if exempt is None else exempt)
    decoded = decode_block(json.dumps(block).encode())
    verifier.check_header(decoded)
    return verifier.check(decoded, decode_receipts(json.dumps(receipts).encode()))


def test_every_real_block_passes_all_checks(real: list[tuple[Json, list[Json]]]) -> None:
    assert len(real) > 55
    seen = 0
    for block, receipts in real:
        if int(block["number"], 16) in WITHOUT_MIX_HASH:
            with pytest.raises(CheckError, match="mixHash"):
                check(block, receipts)
            continue
        assert check(block, receipts)[:3] == ("header_hash", "receipts", "logs_bloom")
        seen += 1
    assert seen == len(real) - len(WITHOUT_MIX_HASH)


def test_state_sync_logs_of_polygon_are_in_no_bloom(real: list[tuple[Json, list[Json]]]) -> None:
    synced = [
        (block, receipts)
        for block, receipts in real
        if block["transactions"][-1]["from"] == "0x" + "00" * 20 and receipts[-1]["logs"]
    ]
    assert len(synced) == 2
    for block, receipts in synced:
        # The exemption is for that one hash, not for whatever comes from the zero address.
        renamed = {**block["transactions"][-1], "hash": "0x" + "11" * 32}
        other = {**receipts[-1], "transactionHash": renamed["hash"]}
        other["logs"] = [{**log, "transactionHash": renamed["hash"]} for log in other["logs"]]
        with pytest.raises(CheckError, match="bloom"):
            check({**block, "transactions": [*block["transactions"][:-1], renamed]}, [*receipts[:-1], other])


def test_on_no_other_chain_a_last_transaction_is_exempt_by_its_hash(
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, receipts = _mainnet(real)
    decoded = decode_block(json.dumps(block).encode())
    named = {"hash": state_sync_hash(decoded), "from": ZERO, "to": ZERO, "value": "0x0", "gas": "0x0"}
    named |= {"r": "0x0", "s": "0x0"}
    forged = block["transactions"][0] | named | {"transactionIndex": hex(len(receipts)), "input": "0x"}
    place = {"transactionHash": forged["hash"], "transactionIndex": forged["transactionIndex"]}
    emitted = [log for each in receipts for log in each["logs"]]
    first = len(emitted)
    logs = [emitted[0] | place | {"address": "0x" + "da" * 20, "logIndex": hex(first)}]
    more = receipts[0] | place | {"gasUsed": "0x0", "cumulativeGasUsed": "0x0", "logs": logs}
    spoilt = {**block, "transactions": [*block["transactions"], forged]}, [*receipts, more]
    with pytest.raises(CheckError, match=r"logs bloom .*\(it ends as .* Polygon do: chain\.profile=polygon"):
        check(*spoilt)
    assert "logs_bloom" in check(*spoilt, exempt=("state_sync",))
    for name, value in {"from": "0x" + "11" * 20, "to": "0x" + "11" * 20, "value": "0x1"}.items():
        forged[name], before = value, forged[name]
        with pytest.raises(CheckError, match=f"its state-sync transaction has {name} {value}, which must be"):
            check(*spoilt, exempt=("state_sync",))
        forged[name] = before
    # Its gas is in no root, and nodes differ in it (erigon#13511).
    forged["gas"], more["gasUsed"], more["cumulativeGasUsed"] = "0x1c9c380", "0x4a38", "0x9c40"
    assert "logs_bloom" in check(*spoilt, exempt=("state_sync",))


def _settling(block: Json) -> Json:
    """A header of Avalanche after Helicon, hashed anew."""
    header = {**block, "extDataHash": "0x" + "00" * 32, "settledHeight": "0x1"}
    return header | {"hash": "0x" + header_hash(header).hex()}


def _placed(block: Json, receipts: list[Json]) -> tuple[Json, list[Json]]:
    text = json.dumps([block, receipts]).replace(receipts[0]["blockHash"], block["hash"])
    return tuple(json.loads(text))


def test_a_header_settles_other_blocks_on_avalanche_alone_and_by_its_hash(
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, receipts = _mainnet(real)
    others = _log(receipts, address="0x" + "12" * 20)
    assert check(*_placed(_settling(block), others), exempt=("settled",)) == ("header_hash", "receipts")
    with pytest.raises(CheckError, match=r"logs bloom .*\(it has settledHeight .*chain\.profile=avalanche"):
        check(*_placed(_settling(block), others))
    # In no hash of an Ethereum header: what is added to the answer.
    with pytest.raises(CheckError, match="logs bloom"):
        check({**block, "settledHeight": "0x1"}, others, exempt=("settled",))
    # In the header, and the hash is of one without it.
    with pytest.raises(CheckError, match="do not hash"):
        check({**_settling(block), "hash": block["hash"]}, others, exempt=("settled",))


def test_the_zero_address_is_tried_for_the_miner_where_nodes_show_the_signer(
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, receipts = _mainnet(real)
    zero = block | {"miner": ZERO}
    signed, listed = _placed(zero | {"hash": "0x" + header_hash(zero).hex()}, receipts)
    shown = signed | {"miner": "0x" + "ab" * 20}
    assert "header_hash" in check(shown, listed, exempt=("signer_as_miner",))
    with pytest.raises(CheckError, match="do not hash"):
        check(shown, listed)


def _mainnet(real: list[tuple[Json, list[Json]]]) -> tuple[Json, list[Json]]:
    return next(each for each in real if int(each[0]["number"], 16) == 17686112)


def _log(receipts: list[Json], **changes: object) -> list[Json]:
    at = next(index for index, each in enumerate(receipts) if each["logs"])
    logs = [{**receipts[at]["logs"][0], **changes}, *receipts[at]["logs"][1:]]
    return [*receipts[:at], {**receipts[at], "logs": logs}, *receipts[at + 1 :]]


def _without(block: Json, name: str) -> Json:
    return {field: value for field, value in block.items() if field != name}


SPOILT: list[tuple[str, Callable[[Json, list[Json]], tuple[Json, object]]]] = [
    ("header_hash", lambda block, receipts: ({**block, "gasUsed": "0x1"}, receipts)),
    ("transactions", lambda block, receipts: ({**block, "transactions": []}, [])),
    ("transactions", lambda block, receipts: (_without(block, "transactions"), [])),
    ("receipts", lambda block, receipts: (block, receipts[:-1])),
    ("receipts", lambda block, receipts: (block, [])),
    ("receipts", lambda block, receipts: (block, [receipts[1], receipts[0], *receipts[2:]])),
    (
        "receipts",
        lambda block, receipts: (block, [{**receipts[0], "transactionIndex": "0x5"}, *receipts[1:]]),
    ),
    (
        "receipts",
        lambda block, receipts: (block, [{**receipts[0], "blockHash": "0x" + "00" * 32}, *receipts[1:]]),
    ),
    ("receipts", lambda block, receipts: (block, [{**receipts[0], "gasUsed": "0x1"}, *receipts[1:]])),
    ("receipts", lambda block, receipts: (block, _log(receipts, logIndex="0x63"))),
    ("receipts", lambda block, receipts: (block, _log(receipts, blockHash="0x" + "00" * 32))),
    ("receipts", lambda block, receipts: (block, _log(receipts, transactionHash="0x" + "00" * 32))),
    ("logs_bloom", lambda block, receipts: (block, _log(receipts, address="0x" + "12" * 20))),
    ("logs_bloom", lambda block, receipts: (block, _log(receipts, topics=["0x" + "34" * 32]))),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILT)
def test_a_spoilt_answer_is_refused_by_the_check_that_names_it(
    name: str,
    spoil: Callable[[Json, list[Json]], tuple[Json, object]],
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, receipts = next(each for each in real if int(each[0]["number"], 16) == 17686112)
    with pytest.raises(CheckError) as refused:
        check(*spoil(block, receipts))
    assert refused.value.check == name
    assert "17686112" in str(refused.value)


UNREADABLE: list[tuple[str, Callable[[Json, list[Json]], tuple[Json, object]]]] = [
    (
        "block 17686112: stateRoot is missing",
        lambda block, receipts: ({**block, "stateRoot": None}, receipts),
    ),
    (r"logs\[0\]\.logIndex is what", lambda block, receipts: (block, _log(receipts, logIndex="what"))),
    (r"logs\[0\]\.address is '0xzz'", lambda block, receipts: (block, _log(receipts, address="0xzz"))),
]


@pytest.mark.parametrize(("message", "spoil"), UNREADABLE)
def test_a_field_that_no_record_can_be_made_of_is_named(
    message: str,
    spoil: Callable[[Json, list[Json]], tuple[Json, object]],
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, receipts = next(each for each in real if int(each[0]["number"], 16) == 17686112)
    with pytest.raises((ShapeError, CheckError), match=message):
        check(*spoil(block, receipts))


def test_a_block_other_than_the_one_asked_for_is_refused(real: list[tuple[Json, list[Json]]]) -> None:
    block: Block = decode_block(json.dumps(real[0][0]).encode())
    check_place(block, number=block.head.number, hash=block.head.hash)
    with pytest.raises(CheckError, match="asked for block 1, got"):
        check_place(block, number=1)
    with pytest.raises(CheckError, match="asked for block 0x0000"):
        check_place(block, hash=bytes(32))


def test_a_chain_without_bloom_or_rlp_hash_is_told_by_what_was_verified(
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, receipts = real[0]
    decoded = decode_block(json.dumps({k: v for k, v in block.items() if k != "logsBloom"}).encode())
    lenient = Verifier(Bloom(), header_hash=False)
    lenient.check_header(decoded)
    assert lenient.check(decoded, decode_receipts(json.dumps(receipts).encode())) == ("receipts",)


@pytest.mark.parametrize(
    "text", ["[]", '"0x1"', "{}", '{"number":"0x1"}', '{"number":"x","hash":"0x","parentHash":"0x"}', "nu"]
)
def test_what_is_no_block_is_told(text: str) -> None:
    with pytest.raises(ShapeError, match=r"no block|no hash"):
        decode_block(text.encode())
    with pytest.raises(ShapeError, match="no receipts"):
        decode_receipts(b'[{"logs":[]}]')


def test_hashes_only_and_full_transactions_read_the_same(real: list[tuple[Json, list[Json]]]) -> None:
    block = real[0][0]
    full = decode_block(json.dumps(block, indent=1).encode())
    hashes = [each["hash"] for each in block["transactions"]]
    only_hashes = decode_block(json.dumps({**block, "transactions": hashes}).encode())
    assert only_hashes == replace(full, records=None)
    assert full.transactions == tuple(hashes)


def test_the_bloom_cache_is_bounded_and_changes_nothing() -> None:
    values = [f"0x{number:040x}" for number in range(50)]
    expected = 0
    for value in values:
        expected |= bits_of(bytes.fromhex(value[2:]))
    small = Bloom(cached=7)
    assert small.of(values) == small.of(reversed(values)) == expected
    assert len(small._bits) <= 7
    assert bin(bits_of(b"")).count("1") <= 3


def test_a_hash_that_does_not_hold_names_the_fields_that_are_not_known(
    real: list[tuple[Json, list[Json]]],
) -> None:
    block, _ = real[0]
    with pytest.raises(CheckError, match=r"do not hash to 0x\w+ \(chain\.verify_header_hash"):
        VERIFIER.check_header(decode_block(json.dumps(block | {"gasUsed": "0x1"}).encode()))
    later = block | {"slotNumber": "0x1", "inclusionListRoot": "0x" + "11" * 32, "nextFee": "0x2"}
    with pytest.raises(
        CheckError, match=r"header fields that are not known here: inclusionListRoot, nextFee "
    ):
        VERIFIER.check_header(decode_block(json.dumps(later).encode()))
