"""Enriching: whole public records out of slices, retractions that match, coverage that adds up."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import fastavro
import pytest

from headwater.errors import Permanent
from headwater.evm.identity import RecordKind, event_id
from schemas import MalformedRecord, codec_for, frame, schema_of
from streams.logic.body import placeholder
from streams.logic.enrich.event import Enriched, enrich, enriched_placeholder
from streams.logic.event import Position
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import (
    BLOCK_HASH,
    CHAIN_ID,
    RECEIVER,
    SENDER,
    TOKEN,
    Answer,
    block,
    encoded,
    envelope,
    log,
    receipt,
    transaction,
)
from topics.chainlog.kinds import EventKind

IDS = {
    "normalized-blocks": 3,
    "enriched-blocks": 4,
    "blocks": 5,
    "transactions": 6,
    "logs": 7,
    "token-transfers": 8,
    "contracts": 9,
    "coverage": 10,
}
NEW_CONTRACT = "0x" + "c0" * 20
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"


def frame_of(stream: str) -> bytes:
    return frame(IDS[stream])


def padded(address: str) -> str:
    return "0x" + "00" * 12 + address[2:]


def words(*numbers: int) -> str:
    return "0x" + "".join(f"{number:064x}" for number in numbers)


BATCH = log(
    1,
    3,
    topics=[TRANSFER_BATCH, padded(SENDER), padded(SENDER), padded(RECEIVER)],
    data=words(64, 160, 2, 11, 12, 2, 100, 200),
)


def example() -> tuple[Answer, list[Answer]]:
    """A transfer, a batch of two with a plain log before it, a creation and a failed creation."""
    answer = block(
        [transaction(0), transaction(1), transaction(2, to=None), transaction(3, to=None)],
    )
    receipts = [
        receipt(0, [log(0, 0)]),
        receipt(1, [log(1, 2, topics=[], data="0x01"), BATCH]),
        receipt(2, to=None, contractAddress=NEW_CONTRACT),
        receipt(3, to=None, contractAddress="0x" + "c1" * 20, status="0x0"),
    ]
    return answer, receipts


def enriched(event: EventKind = EventKind.APPLY, part_bytes: int = 1 << 24, **changes: Any) -> Enriched:
    answer, receipts = example()
    own = envelope(answer, event, **changes)
    values = [
        frame_of("normalized-blocks") + body
        for body in normalize(own, encoded(answer), encoded(receipts), part_bytes=part_bytes)
    ]
    return enrich(own, values, frame_of)


def read(stream: str, value: bytes) -> dict[str, Any]:
    """As a consumer would: by the reference implementation, from the framed value."""
    assert value[:5] == frame_of(stream)
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(schema_of(stream)))
    assert body.read() == b""
    assert isinstance(record, dict)
    return record


def records(result: Enriched) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for messages in result.public:
        pairs = zip(messages.keys, messages.values, strict=True)
        found[messages.stream] = [
            (key.decode(), read(messages.stream, value)) for key, value in pairs if value is not None
        ]
    return found


def coverage(result: Enriched, positions: Sequence[Position] = ()) -> tuple[str, dict[str, Any]]:
    assert result.coverage is not None
    messages = result.coverage.message(positions, frame_of, ())
    (key,), (value,) = messages.keys, messages.values
    assert value is not None
    return key.decode(), read("coverage", value)


def block_id(kind: RecordKind, index: int, sub_index: int = 0) -> bytes:
    return event_id(CHAIN_ID, bytes.fromhex(BLOCK_HASH[2:]), kind, index, sub_index)


def test_keys_and_identities() -> None:
    found = records(enriched())
    assert {
        stream: [(key, record["event_id"]) for key, record in pairs] for stream, pairs in found.items()
    } == {
        "transactions": [(SENDER, block_id(RecordKind.TRANSACTION, n)) for n in range(4)],
        "logs": [(TOKEN, block_id(RecordKind.LOG, n)) for n in (0, 2, 3)],
        "token-transfers": [
            (TOKEN, block_id(RecordKind.TOKEN_TRANSFER, 0)),
            (TOKEN, block_id(RecordKind.TOKEN_TRANSFER, 3, 0)),
            (TOKEN, block_id(RecordKind.TOKEN_TRANSFER, 3, 1)),
        ],
        "contracts": [(f"{NEW_CONTRACT}:{BLOCK_HASH}", block_id(RecordKind.CONTRACT, 2))],
        "blocks": [("42", block_id(RecordKind.BLOCK, 0))],
    }


def test_public_records_say_what_the_normalised_block_says() -> None:
    answer, receipts = example()
    own = envelope(answer)
    (body,) = normalize(own, encoded(answer), encoded(receipts))
    inner = fastavro.schemaless_reader(
        io.BytesIO(body), fastavro.parse_schema(schema_of("normalized-blocks"))
    )
    assert isinstance(inner, dict)
    found = records(enriched())
    common = {
        "chain_id": CHAIN_ID,
        "block_number": 42,
        "block_hash": bytes.fromhex(BLOCK_HASH[2:]),
        "block_timestamp": inner["block_timestamp"],
        "sequence": own.sequence,
        "removed": False,
    }
    for stream in ("transactions", "logs"):
        assert [record for _, record in found[stream]] == [
            {**common, "event_id": record["event_id"], **each}
            for (_, record), each in zip(found[stream], inner[stream], strict=True)
        ]
    ((_, own_block),) = found["blocks"]
    counts = {"log_count": 3, "token_transfer_count": 3, "contract_count": 1}
    assert own_block == {**common, "event_id": own_block["event_id"], **inner["header"], **counts}


def test_a_call_creates_nothing_whatever_its_receipt_says() -> None:
    answer = block([transaction(0), transaction(1, to=None)])
    receipts = [
        receipt(0, contractAddress="0x" + "c2" * 20),
        receipt(1, to=None, contractAddress=NEW_CONTRACT),
    ]
    own = envelope(answer)
    values = [
        frame_of("normalized-blocks") + body for body in normalize(own, encoded(answer), encoded(receipts))
    ]
    result = enrich(own, values, frame_of)
    ((_, created),) = records(result)["contracts"]
    assert created["address"] == bytes.fromhex(NEW_CONTRACT[2:])
    assert coverage(result)[1]["contract_count"] == 1
    # But on a chain of which that is said.
    result = enrich(own, values, frame_of, created_by_calls=True)
    assert [each["transaction_index"] for _, each in records(result)["contracts"]] == [0, 1]
    assert coverage(result)[1]["contract_count"] == 2


def test_ether_that_moves_is_a_log_and_no_tokens_transfer() -> None:
    """EIP-7708: each movement emits what is an ERC-20's event in all but its emitter."""
    answer = block([transaction(0)])
    ether = log(0, 0, address="0x" + "f" * 39 + "e")
    own = envelope(answer)
    values = [
        frame_of("normalized-blocks") + body
        for body in normalize(own, encoded(answer), encoded([receipt(0, [ether, log(0, 1)])]))
    ]
    result = enrich(own, values, frame_of)
    found = records(result)
    assert [each["address"].hex() for _, each in found["logs"]] == ["f" * 39 + "e", TOKEN[2:]]
    ((key, transfer),) = found["token-transfers"]
    assert (key, transfer["log_index"]) == (TOKEN, 1)
    assert {name: coverage(result)[1][name] for name in ("log_count", "token_transfer_count")} == {
        "log_count": 2,
        "token_transfer_count": 1,
    }


def test_transfers_and_contracts() -> None:
    found = records(enriched())
    transfers = [record for _, record in found["token-transfers"]]
    shown = [
        (each["token_standard"], each["log_index"], each["batch_index"], each["token_id"], each["value"])
        for each in transfers
    ]
    assert shown == [
        ("ERC20", 0, 0, None, "1000"),
        ("ERC1155", 3, 0, "11", "100"),
        ("ERC1155", 3, 1, "12", "200"),
    ]
    assert transfers[1]["operator"] == transfers[1]["from_address"] == bytes.fromhex(SENDER[2:])
    assert transfers[1]["transaction_index"] == 1
    assert transfers[0]["to_address"] == bytes.fromhex(RECEIVER[2:])
    ((_, created),) = found["contracts"]
    assert created["creator_address"] == bytes.fromhex(SENDER[2:])
    assert created["transaction_index"] == 2


def test_a_revert_retracts_exactly_what_the_apply_said() -> None:
    applied = records(enriched())
    reverted = records(enriched(EventKind.REVERT, sequence=1_700_000_000_009))
    assert applied.keys() == reverted.keys()
    for stream, pairs in applied.items():
        assert [
            (key, record | {"removed": True, "sequence": 1_700_000_000_009}) for key, record in pairs
        ] == [(key, record) for key, record in reverted[stream]]


def test_coverage_counts_what_was_written_and_takes_the_offsets() -> None:
    result = enriched()
    key, record = coverage(result, [Position("local.logs.v1", 3, 17)])
    assert key == f"42:{BLOCK_HASH}"
    assert (record["complete"], record["problem"], record["removed"]) == (True, None, False)
    assert record["offsets"] == [{"topic": "local.logs.v1", "partition": 3, "next_offset": 17}]
    assert record["verified"] == ["header_hash", "parent"]
    assert record["parent_hash"] == b"\xa0" * 32
    found = records(result)
    names = {
        "transaction_count": "transactions",
        "log_count": "logs",
        "token_transfer_count": "token-transfers",
        "contract_count": "contracts",
    }
    assert {name: record[name] for name in names} == {name: len(found[own]) for name, own in names.items()}


def test_the_enriched_event_is_the_normalised_one_and_what_was_derived() -> None:
    result = enriched()
    (value,) = result.values
    event = read("enriched-blocks", value)
    found = records(result)
    for stream, field in (("token-transfers", "transfers"), ("contracts", "contracts")):
        assert event[field] == [
            {name: record[name] for name in event[field][place]}
            for place, (_, record) in enumerate(found[stream])
        ]
    assert len(event["transactions"]) == 4
    assert event["sequence"] == 1_700_000_000_000


def test_parts_make_the_same_records_as_a_whole_block() -> None:
    whole, parts = enriched(), enriched(part_bytes=900)
    assert len(parts.values) > 1
    assert records(parts) == records(whole)
    assert coverage(parts) == coverage(whole)
    events = [read("enriched-blocks", value) for value in parts.values]
    assert [each["part"] for each in events] == list(range(len(events)))
    whole_event = read("enriched-blocks", whole.values[0])
    for name in ("transactions", "logs", "transfers", "contracts"):
        assert [record for event in events for record in event[name]] == whole_event[name]


def test_a_block_with_a_problem_is_incomplete_and_nothing_else() -> None:
    own = envelope(block([]))
    value = frame_of("normalized-blocks") + placeholder(own, "receipts: none")
    result = enrich(own, [value], frame_of)
    assert result.public == []
    _, record = coverage(result)
    assert (record["complete"], record["problem"], record["transaction_count"]) == (
        False,
        "receipts: none",
        0,
    )
    assert read("enriched-blocks", result.values[0])["problem"] == "receipts: none"


@pytest.mark.parametrize("event", [EventKind.CLAIM, EventKind.SAFE, EventKind.FINALIZED, EventKind.UNKNOWN])
def test_events_without_a_block_go_on_alone(event: EventKind) -> None:
    own = envelope(block([]), event)
    (body,) = normalize(own, None, None)
    result = enrich(own, [frame_of("normalized-blocks") + body], frame_of)
    assert (result.public, result.coverage) == ([], None)
    assert read("enriched-blocks", result.values[0])["event"] == event.name


def test_bytes_that_are_no_event_are_refused_by_name() -> None:
    with pytest.raises(MalformedRecord, match="normalized-blocks"):
        enrich(envelope(block([])), [frame_of("normalized-blocks") + b"\x04\x02"], frame_of)


def test_an_apply_without_content_is_refused() -> None:
    own = envelope(block([]))
    body = codec_for("normalized-blocks").write(
        codec_for("normalized-blocks").read(placeholder(own, "")) | {"problem": None}
    )
    with pytest.raises(Permanent, match="neither header nor problem"):
        enrich(own, [frame_of("normalized-blocks") + body], frame_of)


def test_what_cannot_be_enriched_leaves_its_number_and_an_incomplete_coverage() -> None:
    result = enriched_placeholder(envelope(block([])), "bad bytes", frame_of)
    assert read("enriched-blocks", result.values[0])["sequence"] == 1_700_000_000_000
    _, record = coverage(result)
    assert (record["complete"], record["problem"]) == (False, "bad bytes")
    nameless = enriched_placeholder(envelope(block([]), block_hash=None), "bad bytes", frame_of)
    assert nameless.coverage is None
    assert read("enriched-blocks", nameless.values[0])["problem"] == "bad bytes"
