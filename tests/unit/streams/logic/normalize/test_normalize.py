"""Normalising: every field in its place, nothing lost, and what is wrong named by its path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.errors import Permanent
from schemas import codec_for
from streams.logic.body import placeholder
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import (
    BLOCK_HASH,
    RECEIVER,
    SENDER,
    TOKEN,
    TRANSFER,
    Answer,
    block,
    encoded,
    envelope,
    log,
    receipt,
    transaction,
)
from topics.chainlog.kinds import EventKind


def read(body: bytes) -> dict[str, Any]:
    return codec_for("normalized-blocks").read(body)


def normalized(
    answer: Answer | None = None, receipts: list[Answer] | None = None, **changes: Any
) -> dict[str, Any]:
    answer = answer if answer is not None else block([transaction()])
    receipts = receipts if receipts is not None else [receipt(logs=[log()])]
    (body,) = normalize(envelope(answer, **changes), encoded(answer), encoded(receipts))
    return read(body)


def octets(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def test_every_field_of_a_usual_block() -> None:
    event = normalized()
    assert event["event"] == "APPLY"
    assert event["block_timestamp"] == 0x64B0392A * 1000
    assert event["verified"] == ["header_hash", "parent"]
    assert (event["part"], event["parts"], event["problem"]) == (0, 1, None)
    header, (own,), (first,) = event["header"], event["transactions"], event["logs"]
    assert header["parent_hash"] == b"\xa0" * 32
    assert header["nonce"] == bytes(8)
    assert header["total_difficulty"] == str(0xC70D815D562D3CFA955)
    assert header["size"] == 0x220
    assert header["transaction_count"] == 1
    assert header["base_fee_per_gas"] == "7"
    assert header["withdrawals"] == [
        {"index": 1, "validator_index": 2, "address": octets(RECEIVER), "amount": 1_000_000_000}
    ]
    assert header["blob_gas_used"] is None
    assert header["extra"] is None
    assert own["hash"] == bytes(31) + b"\x01"
    assert own["from_address"] == octets(SENDER)
    assert own["to_address"] == octets(TOKEN)
    assert own["value"] == "1000000000000000000"
    assert (own["nonce"], own["gas"], own["transaction_type"], own["y_parity"]) == (7, 21_000, 2, 1)
    assert own["gas_price"] == own["receipt_effective_gas_price"] == "1000000007"
    assert own["input"] == octets("0xa9059cbb")
    assert own["access_list"] == []
    assert own["authorization_list"] is None
    assert (own["v"], own["r"]) == ("1", str(int("f1" * 32, 16)))
    assert (own["receipt_status"], own["receipt_gas_used"], own["receipt_log_count"]) == (1, 21_000, 1)
    assert (own["extra"], own["receipt_extra"]) == (None, None)
    assert first["log_index"] == 0
    assert first["transaction_hash"] == own["hash"]
    assert first["topics"][0] == octets(TRANSFER)
    assert first["data"] == (1000).to_bytes(32, "big")
    assert first["extra"] is None


def test_access_list_blob_and_authorization_fields() -> None:
    own = transaction(
        type="0x4",
        accessList=[{"address": TOKEN, "storageKeys": ["0x" + "0a" * 32]}],
        maxFeePerBlobGas="0x10",
        blobVersionedHashes=["0x01" + "0b" * 31],
        authorizationList=[
            {"chainId": "0x0", "address": TOKEN, "nonce": "0x2", "yParity": "0x1", "r": "0x3", "s": "0x4"}
        ],
    )
    event = normalized(
        block([own], blobGasUsed="0x20000", excessBlobGas="0x0", requestsHash="0x" + "0c" * 32),
        [receipt(type="0x4", blobGasUsed="0x20000", blobGasPrice="0x1")],
    )
    (found,) = event["transactions"]
    assert found["transaction_type"] == 4
    assert found["access_list"] == [{"address": octets(TOKEN), "storage_keys": [b"\x0a" * 32]}]
    assert found["max_fee_per_blob_gas"] == "16"
    assert found["blob_versioned_hashes"] == [b"\x01" + b"\x0b" * 31]
    assert found["authorization_list"] == [
        {"chain_id": "0", "address": octets(TOKEN), "nonce": "2", "y_parity": 1, "r": "3", "s": "4"}
    ]
    assert (found["receipt_blob_gas_used"], found["receipt_blob_gas_price"]) == (0x20000, "1")
    assert event["header"]["blob_gas_used"] == 0x20000
    assert event["header"]["requests_hash"] == b"\x0c" * 32


def test_what_no_field_models_is_kept_where_it_was_said() -> None:
    answer = block(
        [transaction(type="0x7e", sourceHash="0x12", mint=None, isSystemTx=False)],
        l1BlockNumber="0x9",
        withdrawals=[
            {"index": "0x1", "validatorIndex": "0x2", "address": TOKEN, "amount": "0x3", "note": "x"}
        ],
    )
    receipts = [
        receipt(
            type="0x7e",
            gasUsedForL1="0x5",
            depositNonce=7,
            logs=[log(logType="mined")],
            l1Fee="0x10",
            l1GasUsed="0x11",
            l1GasPrice="0x12",
            l1FeeScalar="0.684",
        )
    ]
    event = normalized(answer, receipts)
    (own,), (first,) = event["transactions"], event["logs"]
    assert own["transaction_type"] == 0x7E
    assert json.loads(own["extra"]) == {"isSystemTx": False, "mint": None, "sourceHash": "0x12"}
    assert json.loads(own["receipt_extra"]) == {"depositNonce": 7, "gasUsedForL1": "0x5"}
    assert (own["receipt_l1_fee"], own["receipt_l1_gas_used"]) == ("16", 17)
    assert (own["receipt_l1_gas_price"], own["receipt_l1_fee_scalar"]) == ("18", "0.684")
    assert json.loads(first["extra"]) == {"logType": "mined"}
    kept = json.loads(event["header"]["extra"])
    assert kept["l1BlockNumber"] == "0x9"
    assert kept["withdrawals"] == answer["withdrawals"]
    assert event["header"]["withdrawals"][0]["amount"] == 3


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name not in transaction() and name not in receipt()),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
@example({"position": False})
def test_any_unknown_field_comes_back_as_it_was(unknown: dict[str, Any]) -> None:
    known = {"accessList", "authorizationList", "blobVersionedHashes", "maxFeePerBlobGas", "blockTimestamp"}
    known.add("data")  # What some nodes call the input.
    unknown = {name: value for name, value in unknown.items() if name not in known}
    event = normalized(block([transaction() | unknown]), [receipt()])
    extra = event["transactions"][0]["extra"]
    assert (json.loads(extra) if extra else {}) == unknown


def test_early_blocks_and_bare_transactions() -> None:
    own = transaction(type="0x0")
    for name in (
        "v",
        "r",
        "s",
        "yParity",
        "chainId",
        "maxFeePerGas",
        "maxPriorityFeePerGas",
        "accessList",
        "type",
    ):
        del own[name]
    paid = receipt(root="0x" + "0d" * 32)
    for name in ("status", "effectiveGasPrice", "type", "logsBloom"):
        del paid[name]
    answer = block([own])
    for name in ("totalDifficulty", "size", "baseFeePerGas", "withdrawals", "withdrawalsRoot", "uncles"):
        del answer[name]
    event = normalized(answer, [paid])
    (found,) = event["transactions"]
    assert (found["transaction_type"], found["v"], found["access_list"]) == (0, None, None)
    assert (found["receipt_root"], found["receipt_status"]) == (b"\x0d" * 32, None)
    assert found["receipt_effective_gas_price"] is None
    header = event["header"]
    assert (header["total_difficulty"], header["size"], header["withdrawals"]) == (None, None, None)
    assert header["uncles"] == []


def test_receipts_in_another_order_are_put_right() -> None:
    answer = block([transaction(0), transaction(1)])
    event = normalized(answer, [receipt(1), receipt(0)])
    assert [each["receipt_cumulative_gas_used"] for each in event["transactions"]] == [21_000, 42_000]


def test_the_same_value_written_otherwise_is_no_difference() -> None:
    own = transaction(blockNumber="0x02A") | {"from": "0x" + "5E" * 20}
    event = normalized(block([own]), [receipt(blockHash=BLOCK_HASH.upper().replace("X", "x"), to=TOKEN)])
    assert event["transactions"][0]["receipt_extra"] is None
    assert event["transactions"][0]["from_address"] == octets(SENDER)


def test_a_contradiction_is_kept() -> None:
    event = normalized(
        block([transaction(chainId="0x1")]), [receipt(logs=[log(removed=True)]) | {"from": TOKEN}]
    )
    assert json.loads(event["transactions"][0]["extra"]) == {"chainId": "0x1"}
    assert json.loads(event["transactions"][0]["receipt_extra"]) == {"from": TOKEN}
    assert json.loads(event["logs"][0]["extra"]) == {"removed": True}


def test_numbers_instead_of_hex_strings() -> None:
    own = transaction(nonce=7, type=2)
    assert normalized(block([own]), [receipt()])["transactions"][0] == normalized()["transactions"][0] | {
        "receipt_log_count": 0
    }


@pytest.mark.parametrize(
    ("answer", "receipts", "message"),
    [
        (block([transaction(nonce="0x1" + "00" * 8)]), [receipt()], "transactions[0].nonce is '0x1000"),
        (block([transaction(value="0x1" + "00" * 32)]), [receipt()], "does not fit in 256 bits"),
        (
            block([transaction(nonce="7")]),
            [receipt()],
            "transactions[0].nonce is '7', which is not a quantity",
        ),
        (block([transaction(input="0xabc")]), [receipt()], "transactions[0].input is '0xabc'"),
        (block([transaction(input="abcd")]), [receipt()], "transactions[0].input is 'abcd'"),
        (block([transaction(gas="-0x1")]), [receipt()], "transactions[0].gas is '-0x1'"),
        (block([transaction(gas="0x1_0")]), [receipt()], "transactions[0].gas is '0x1_0'"),
        (block([transaction(gas="0x")]), [receipt()], "transactions[0].gas is missing"),
        (block([transaction(to="0x12")]), [receipt()], "transactions[0].to is '0x12': 1 bytes, not 20"),
        (block([transaction(nonce=None)]), [receipt()], "transactions[0].nonce is missing"),
        (block([transaction(transactionIndex="0x1")]), [receipt()], "transactionIndex is 0x1"),
        (block([transaction(blockHash="0x" + "99" * 32)]), [receipt()], "transactions[0].blockHash"),
        (block(["0x" + "11" * 32]), [receipt()], "transactions[0] is '0x1111"),  # type: ignore[list-item]
        (block([transaction()], gasLimit="0x1" + "00" * 8), [receipt()], "gasLimit is '0x1000"),
        (block([transaction()], size=-1), [receipt()], "size is -1, which is not a quantity"),
        (block([transaction()], miner=None), [receipt()], "miner is missing"),
        (block([transaction()]), [], "0 receipts for 1 transactions"),
        (block([transaction()]), [None], "receipts[0] is None, not an object"),
        (block([transaction()]), [receipt(1)], "transaction 0x" + "0" * 63 + "1 has no receipt"),
        (block([transaction()]), [receipt(gasUsed=None)], "receipts[0].gasUsed is missing"),
        (block([transaction()]), [receipt(logs=[log(data="0x1")])], "receipts[0].logs[0].data is '0x1'"),
        (block([transaction()]), [receipt(logs=[log(), log()])], "logIndex 0 occurs 2 times"),
        (block([transaction()]), [receipt(logs=[log(1)])], "logs[0].transactionHash"),
        (block([transaction()]), [receipt(blockHash="0x" + "98" * 32)], "receipts[0].blockHash"),
        (
            block([transaction(), transaction(transactionIndex="0x1")]),
            [receipt(), receipt()],
            "transactions[1].hash is that of transactions[0] too",
        ),
    ],
)
def test_what_is_wrong_is_named(answer: Answer, receipts: list[Any], message: str) -> None:
    with pytest.raises(Permanent) as caught:
        normalize(envelope(answer), encoded(answer), encoded(receipts))
    assert str(caught.value).startswith(f"block 42 {BLOCK_HASH}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "receipts", "message"),
    [
        (None, b"[]", "no block answer"),
        (encoded(block([transaction()])), None, "carries none for 1 transactions"),
        (b'{"number": "0x', b"[]", "the answer is not JSON"),
        (b"<html>", b"[]", "the answer is not JSON"),
        (b"null", b"[]", "the block is None, not an object"),
        (encoded(block([])), b"\xff", "receipts: the answer is not JSON"),
        (encoded(block([])), b'{"error": 1}', "receipts are {'error': 1}, not a list"),
        (b'{"transactions":' + b"[" * 100_000, b"[]", "block: "),
    ],
)
def test_answers_that_are_none(answer: bytes | None, receipts: bytes | None, message: str) -> None:
    with pytest.raises(Permanent) as caught:
        normalize(envelope(block([])), answer, receipts)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("block_hash", bytes(32)), ("block_number", 43), ("parent_hash", None), ("block_timestamp", 1)],
)
def test_a_block_other_than_its_event_names(name: str, value: Any) -> None:
    with pytest.raises(Permanent, match="its event says"):
        normalized(**{name: value})


@given(st.data())
def test_a_bent_answer_is_normalised_or_named(data: st.DataObject) -> None:
    answer, receipts = block([transaction()]), [receipt(logs=[log()])]
    target = data.draw(
        st.sampled_from([answer, answer["transactions"][0], receipts[0], receipts[0]["logs"][0]])
    )
    name = data.draw(st.sampled_from(sorted(target)))
    junk = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.from_regex(r"-?0x[0-9a-f]{0,70}", fullmatch=True),
        st.lists(st.none() | st.text(max_size=3) | st.just({}), max_size=2),
        st.just({}),
    )
    target[name] = data.draw(junk)
    try:
        (body,) = normalize(envelope(block([])), encoded(answer), encoded(receipts))
        problem = None
    except Permanent as error:
        body, problem = placeholder(envelope(block([])), str(error)), str(error)
    assert problem is None or problem.startswith(f"block 42 {BLOCK_HASH}: ")
    assert read(body)["problem"] == problem


@pytest.mark.parametrize("event", [EventKind.CLAIM, EventKind.SAFE, EventKind.FINALIZED, EventKind.UNKNOWN])
def test_events_without_a_block_pass_through(event: EventKind) -> None:
    (body,) = normalize(envelope(block([]), event), None, None)
    found = read(body)
    assert (found["event"], found["sequence"]) == (event.name, 1_700_000_000_000)
    assert (found["header"], found["transactions"], found["logs"]) == (None, [], [])


def test_a_placeholder_keeps_the_number_and_says_why() -> None:
    answer = block([])
    found = read(placeholder(envelope(answer), "receipts: none"))
    assert (found["problem"], found["header"], found["sequence"]) == (
        "receipts: none",
        None,
        1_700_000_000_000,
    )
    assert found["block_hash"] == octets(BLOCK_HASH)


def test_a_header_that_would_fill_every_part_is_refused() -> None:
    """A node may add fields of its own, and each part carries the header: records times its bytes."""
    answer = block([transaction(each) for each in range(3)]) | {"note": "x" * (1 << 20)}
    with pytest.raises(Permanent, match=r"block 42 0xb1.*the block's header has 1049\d{3} bytes"):
        normalize(envelope(answer), encoded(answer), encoded([receipt(each) for each in range(3)]))


def test_a_large_block_is_split_by_its_records() -> None:
    answer = block([transaction(position, input="0x" + "ee" * 1000) for position in range(5)])
    receipts = [receipt(position, [log(position, 2 * position + n) for n in (0, 1)]) for position in range(5)]
    whole = normalized(answer, receipts)
    bodies = normalize(envelope(answer), encoded(answer), encoded(receipts), part_bytes=3_500)
    parts = [read(body) for body in bodies]
    assert len(parts) > 1
    assert [(each["part"], each["parts"]) for each in parts] == [(n, len(parts)) for n in range(len(parts))]
    assert [each for part in parts for each in part["transactions"]] == whole["transactions"]
    assert [each for part in parts for each in part["logs"]] == whole["logs"]
    for part in parts:
        assert part["header"] == whole["header"]
