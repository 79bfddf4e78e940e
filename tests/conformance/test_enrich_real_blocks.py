"""Every real block with receipts is enriched: records that read back, identities that are unique."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas import codec_for, frame
from streams.logic.enrich.event import Enriched, enrich
from tests.conformance.real_blocks import SEQUENCE, Case, answer, cases, envelope, normalized, normalized_body
from topics.chainlog.kinds import EventKind

pytestmark = pytest.mark.data
CASES = [case for case in cases() if case.receipts is not None]
FRAME = frame(1)


def enriched(case: Case, event: EventKind = EventKind.APPLY, sequence: int = SEQUENCE) -> Enriched:
    own = envelope(answer(case.block), event, sequence)
    return enrich(own, [FRAME + normalized_body(case, event, sequence)], lambda _: FRAME)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_records_read_back_with_unique_identities(case: Case) -> None:
    event = normalized(case)
    result = enriched(case)
    seen: set[bytes] = set()
    counts = {"logs": 0, "transactions": 0, "token-transfers": 0, "contracts": 0}
    for messages in result.public:
        values = [value for value in messages.values if value is not None]
        columns: dict[str, list[Any]] = codec_for(messages.stream).columns(values)
        assert set(columns["block_hash"]) == {event["block_hash"]}
        assert not seen & set(columns["event_id"])
        assert len(set(columns["event_id"])) == len(values)
        seen.update(columns["event_id"])
        counts[messages.stream] = len(values)
        if messages.stream in ("transactions", "logs"):
            for name in event[messages.stream][0]:
                assert columns[name] == [each[name] for each in event[messages.stream]]
        key = {"transactions": "from_address", "logs": "address", "token-transfers": "token_address"}
        if messages.stream in key:
            column = columns[key[messages.stream]]
            assert list(messages.keys) == [f"0x{each.hex()}".encode() for each in column]
    assert counts.pop("blocks") == 1
    assert result.coverage is not None
    coverage = codec_for("coverage").read(
        result.coverage.message((), lambda _: FRAME, ()).values[0] or b"", 5
    )
    assert counts == {
        "logs": coverage["log_count"],
        "transactions": coverage["transaction_count"],
        "token-transfers": coverage["token_transfer_count"],
        "contracts": coverage["contract_count"],
    }
    inner = codec_for("enriched-blocks").read(result.values[0], 5)
    assert {name: inner[name] for name in event} == event
    assert (len(inner["transfers"]), len(inner["contracts"])) == (
        counts["token-transfers"],
        counts["contracts"],
    )


def test_the_published_identity_is_on_the_published_log(shared_data: Path) -> None:
    (case,) = [case for case in CASES if "/17686111/" in case.name and "contiguous" in case.name]
    (logs,) = [messages for messages in enriched(case).public if messages.stream == "logs"]
    first: dict[str, Any] = codec_for("logs").read(logs.values[0] or b"", 5)
    assert (first["log_index"], first["event_id"].hex()) == (0, "657a56476db59a2a0a35b8b9e36228dd")


def test_a_retraction_differs_in_removed_and_sequence_only(shared_data: Path) -> None:
    case = next(case for case in CASES if "optimism_mainnet/107353722" in case.name)
    applied, reverted = enriched(case), enriched(case, EventKind.REVERT, SEQUENCE + 1)
    assert [messages.stream for messages in applied.public] == [each.stream for each in reverted.public]
    for one, other in zip(applied.public, reverted.public, strict=True):
        assert list(one.keys) == list(other.keys)
        for value, retracted in zip(one.values, other.values, strict=True):
            record = codec_for(one.stream).read(value or b"", 5)
            assert codec_for(one.stream).read(retracted or b"", 5) == record | {
                "removed": True,
                "sequence": SEQUENCE + 1,
            }


def test_the_contiguous_blocks_hold_what_their_readme_counts(shared_data: Path) -> None:
    counts: dict[str, int] = {}
    for case in CASES:
        if "contiguous" not in case.name:
            continue
        for messages in enriched(case).public:
            counts[messages.stream] = counts.get(messages.stream, 0) + len(messages.keys)
    # 4,875 of ERC-20 and ERC-721, as ethereum-etl counts, and 15 of ERC-1155.
    assert counts == {
        "blocks": 23,
        "transactions": 4416,
        "logs": 9807,
        "token-transfers": 4890,
        "contracts": 2,
    }
