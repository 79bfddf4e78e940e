"""The state stage from enriched blocks to transaction-states, byte for byte as fastavro writes them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import pytest

from headwater.errors import Permanent, Transient
from headwater.settings import load_settings
from schemas import codec_for, schema_of
from schemas.wire import frame
from streams.agents.state import StateStage
from streams.logic.event import ChainEvent
from streams.logic.state.facts import key_of
from streams.logic.state.records import portions
from streams.stage import Outcome, StageContext
from tests.builders.state_chains import block_hash, transaction
from tests.fakes.stage import unread
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.groups import group_of

SENDER = b"\xaa" * 20


def _envelope(kind: EventKind, sequence: int, number: int | None, name: str = "") -> Envelope:
    return Envelope(
        event=kind,
        chain_id=1,
        sequence=sequence,
        claim=0,
        block_number=number,
        block_hash=None if number is None else block_hash(name),
        parent_hash=None,
        block_timestamp=None if number is None else number * 1000,
        observed_at=5_000 + sequence,
        source="node-a",
        verified=(),
        fresh=False,
        part=0,
        parts=1,
    )


def _body(index: int, number: int, status: int | None, price: str | None) -> dict[str, Any]:
    return {
        "hash": transaction(number),
        "transaction_index": index,
        "from_address": SENDER,
        "nonce": number,
        "value": "0",
        "gas": 21_000,
        "input": b"",
        "transaction_type": 2,
        "receipt_cumulative_gas_used": 21_000,
        "receipt_gas_used": 21_000,
        "receipt_status": status,
        "receipt_effective_gas_price": price,
        "receipt_log_count": 0,
    }


def _event(envelope: Envelope, bodies: list[dict[str, Any]] | None = None, **more: object) -> ChainEvent:
    record = {name: getattr(envelope, name) for name in envelope.__slots__}
    record |= {"event": envelope.event.name, "verified": [], "transactions": bodies or [], **more}
    value = frame(7) + codec_for("enriched-blocks").write(record)
    return ChainEvent(envelope, (value,), "enriched", 0, (envelope.sequence,))


def _read(outcome: Outcome) -> list[dict[str, Any]]:
    schema = fastavro.parse_schema(schema_of("transaction-states"))
    rows = []
    for messages in outcome.public:
        assert messages.stream == "transaction-states"
        for key, value in zip(messages.keys, messages.values, strict=True):
            assert value is not None
            assert value[:5] == frame(9)
            row: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
            again = io.BytesIO()
            fastavro.schemaless_writer(again, schema, row)
            assert again.getvalue() == value[5:]
            assert key == b"0x" + row["hash"].hex().encode()
            rows.append(row)
    return rows


@pytest.fixture
def stage(tmp_path: Path) -> StateStage:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    context = StageContext(settings, group_of("state"), lambda _: frame(9), unread)
    made = StateStage(context, lambda value: value)
    assert made.restore({}) is None
    return made


def test_a_registry_that_does_not_answer_is_asked_before_anything_is_remembered(tmp_path: Path) -> None:
    answers: list[bytes | Transient] = [Transient("away"), frame(9)]

    def asked(_: str) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Transient):
            raise answer
        return answer

    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    stage = StateStage(StageContext(settings, group_of("state"), asked, unread), lambda value: value)
    event = _event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES)
    with pytest.raises(Transient):
        stage.handle(event)
    assert len(_read(stage.handle(event))) == len(BODIES)


BODIES = [_body(0, 10, 1, "1000"), _body(1, 11, 0, "7"), _body(2, 12, None, None)]


def test_an_included_block_gives_one_snapshot_a_transaction(stage: StateStage) -> None:
    outcome = stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES))
    rows = _read(outcome)
    assert [row["execution_status"] for row in rows] == ["SUCCEEDED", "REVERTED", None]
    assert [row["fee_paid"] for row in rows] == ["21000000", "147000", None]
    first = rows[0]
    assert first["state"] == "INCLUDED"
    assert first["previous_state"] is None
    assert first["version"] == 100 * 16 + 5
    assert first["sequence"] == 100
    assert first["removed"] is False
    assert (first["sender"], first["nonce"], first["transaction_index"]) == (SENDER, 10, 0)
    assert (first["block_number"], first["block_hash"]) == (5, block_hash("a"))
    assert first["included_at"] == first["block_timestamp"]
    assert first["finalized_at"] is None
    assert first["evidence"] == ["node-a"]
    assert dict(outcome.public[0].headers)["sequence"] == b"100"
    assert [key for key, _ in outcome.table] == [key_of(100)]


def test_a_life_up_to_finality(stage: StateStage) -> None:
    stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES))
    (gone, *_) = _read(stage.handle(_event(_envelope(EventKind.REVERT, 101, 5, "a"), BODIES)))
    assert (gone["state"], gone["removed"], gone["retracts"]) == ("REORGED", True, 100 * 16 + 5)
    assert (gone["previous_state"], gone["canonical_epoch"]) == ("INCLUDED", 1)
    (again, *_) = _read(stage.handle(_event(_envelope(EventKind.APPLY, 102, 5, "b"), BODIES)))
    assert (again["state"], again["previous_state"]) == ("INCLUDED", "REORGED")
    assert again["block_hash"] == block_hash("b")
    assert again["event_id"] != gone["event_id"]
    (safe, *_) = _read(stage.handle(_event(_envelope(EventKind.SAFE, 103, 5, "b"))))
    assert (safe["state"], safe["canonical_epoch"], safe["version"]) == ("SAFE", 1, 103 * 16 + 6)
    (final, *_) = _read(stage.handle(_event(_envelope(EventKind.FINALIZED, 104, 5, "b"))))
    assert (final["state"], final["previous_state"]) == ("FINALIZED", "SAFE")
    assert final["finalized_at"] is not None
    assert final["evidence"][1] == "finalized 0x" + block_hash("b").hex()


def test_it_goes_on_from_its_table(stage: StateStage) -> None:
    table: dict[bytes, bytes] = {}
    for event in (
        _event(_envelope(EventKind.CLAIM, 99, None)),
        _event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES),
    ):
        for key, value in stage.handle(event).table:
            assert value is not None
            table[key] = value
    revert = _event(_envelope(EventKind.REVERT, 101, 5, "a"), BODIES)
    live = stage.handle(revert)
    assert stage.restore(table) == 100
    assert stage.handle(revert) == live
    # A known block is not written again.
    assert len(live.table[0][1] or b"") < 150


def test_a_block_that_was_applied_before_our_start_is_reorged_all_the_same(stage: StateStage) -> None:
    rows = _read(stage.handle(_event(_envelope(EventKind.REVERT, 101, 5, "a"), BODIES)))
    assert {row["state"] for row in rows} == {"REORGED"}
    assert {row["retracts"] for row in rows} == {None}


def test_a_malformed_block_leaves_its_number_and_no_states(stage: StateStage) -> None:
    event = _event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES)
    broken = replace(event, values=(event.values[0][:-9],))
    with pytest.raises(Permanent) as caught:
        stage.handle(broken)
    outcome = stage.placeholder(broken, caught.value)
    assert outcome.public == []
    assert [key for key, _ in outcome.table] == [key_of(100)]
    assert _read(stage.handle(_event(_envelope(EventKind.SAFE, 101, 5, "a")))) == []


def test_a_tag_on_an_orphan_is_permanent_and_changes_nothing(stage: StateStage) -> None:
    stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES))
    tag = _event(_envelope(EventKind.FINALIZED, 101, 5, "b"))
    with pytest.raises(Permanent, match="not canonical") as caught:
        stage.handle(tag)
    assert stage.placeholder(tag, caught.value).public == []
    rows = _read(stage.handle(_event(_envelope(EventKind.SAFE, 102, 5, "a"))))
    assert {row["state"] for row in rows} == {"SAFE"}


LOST = {"problem": "receipts: none"}


def test_a_repair_tells_of_a_block_that_came_without_its_content(stage: StateStage) -> None:
    assert stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), **LOST)).public == []
    assert stage.handle(_event(_envelope(EventKind.FINALIZED, 101, 6, "b"))).public == []
    outcome = stage.handle(_event(_envelope(EventKind.REPAIR, 102, 5, "a"), BODIES))
    first, *others = _read(outcome)
    assert len(others) == 2
    assert (first["state"], first["previous_state"]) == ("FINALIZED", "INCLUDED")
    assert (first["sequence"], first["version"]) == (102, 102 * 16 + 7)
    # When it was final is what the tag said, not the repair.
    assert first["finalized_at"] == datetime.fromtimestamp(5.101, tz=UTC)
    assert first["evidence"] == ["node-a", "finalized 0x" + block_hash("b").hex()]
    assert dict(outcome.public[0].headers)["sequence"] == b"102"


def test_what_a_repair_leaves_out_is_retracted(stage: StateStage) -> None:
    """Also of a block that is not in the table: the event says what it replaces."""
    stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), [_body(0, 10, 1, None)]))
    for sequence, name, gone, there, version in ((101, "a", 10, 11, 100 * 16 + 5), (102, "d", 12, 13, None)):
        envelope = _envelope(EventKind.REPAIR, sequence, 5 if name == "a" else 4, name)
        replaced = [_body(0, gone, 1, None)]
        event = _event(envelope, [_body(0, there, 1, None)], replaced_transactions=replaced)
        published = {
            row["hash"]: (row["state"], row["removed"], row["retracts"]) for row in _read(stage.handle(event))
        }
        assert published == {
            transaction(gone): ("REORGED", True, version),
            transaction(there): ("INCLUDED", False, None),
        }


@pytest.mark.parametrize("kind", [EventKind.REPAIR, EventKind.REPAIR_REVERT])
def test_a_repair_that_failed_decides_nothing(stage: StateStage, kind: EventKind) -> None:
    stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES))
    repair = _event(_envelope(kind, 101, 5, "a"), **LOST)
    for outcome in (stage.handle(repair), stage.placeholder(repair, Permanent("no"))):
        assert outcome.public == []
        assert [key for key, _ in outcome.table] == [key_of(101)]
    rows = _read(stage.handle(_event(_envelope(EventKind.REVERT, 102, 5, "a"))))
    assert len(rows) == len(BODIES)
    assert {(row["state"], row["retracts"], row["canonical_epoch"]) for row in rows} == {
        ("REORGED", 100 * 16 + 5, 1)
    }


def test_a_revert_takes_the_repaired_content_back(stage: StateStage) -> None:
    table: dict[bytes, bytes] = {}
    for event in (
        _event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES[:2]),
        _event(_envelope(EventKind.REPAIR, 101, 5, "a"), BODIES[1:]),
    ):
        table |= {key: value for key, value in stage.handle(event).table if value is not None}
    revert = _event(_envelope(EventKind.REVERT, 102, 5, "a"), BODIES[1:])
    live = stage.handle(revert)
    assert {row["hash"] for row in _read(live)} == {transaction(11), transaction(12)}
    assert stage.restore(table) == 101
    assert stage.handle(revert) == live


def test_finality_after_weeks_without_it_comes_in_portions(
    stage: StateStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every block since is open: one transaction of all would outgrow memory and Kafka's time-out."""
    monkeypatch.setattr("streams.agents.state.portions", partial(portions, records=4))
    table: dict[bytes, bytes] = {}
    for number in range(10):
        bodies = [_body(place, 10 * number + place, 1, "7") for place in range(2)]
        outcome = stage.handle(_event(_envelope(EventKind.APPLY, number, number, f"n{number}"), bodies))
        table |= {key: value for key, value in outcome.table if value is not None}
    final = _event(_envelope(EventKind.FINALIZED, 10, 9, "n9"))
    outcome = stage.handle(final)
    portions_made = [[*make()] for make in outcome.ahead] + [[*outcome.public]]
    assert [sum(len(each.keys) for each in made) for made in portions_made] == [4, 4, 4, 4, 4]
    rows = [row for made in portions_made for row in _read(Outcome(public=made))]
    assert [(row["nonce"], row["state"]) for row in rows] == [
        (10 * number + place, "FINALIZED") for number in range(10) for place in range(2)
    ]
    # After a crash between two of them the event comes again, and says the same.
    assert stage.restore(table) == 9
    again = stage.handle(final)
    assert [[*make()] for make in again.ahead] + [[*again.public]] == portions_made


def test_a_block_is_one_portion_however_large(stage: StateStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.agents.state.portions", partial(portions, records=2))
    outcome = stage.handle(_event(_envelope(EventKind.APPLY, 100, 5, "a"), BODIES))
    assert (len(outcome.ahead), len(_read(outcome))) == (0, 3)


def test_old_finalized_blocks_leave_the_table(stage: StateStage) -> None:
    table: dict[bytes, bytes | None] = {}
    sequence = 0
    for number in range(200):
        for kind in (EventKind.APPLY, EventKind.FINALIZED):
            outcome = stage.handle(_event(_envelope(kind, sequence, number, f"n{number}")))
            table.update(outcome.table)
            sequence += 1
    kept = [key for key, value in table.items() if value is not None]
    assert len(kept) == 2 * 64
    assert stage.restore({key: value for key, value in table.items() if value is not None}) == sequence - 1
