"""A repair through the stages: a consumer that does the usual thing has what the node says, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Permanent
from headwater.settings import load_settings
from schemas import codec_for, frame
from streams.agents import enrich, normalize
from streams.logic.enrich.event import Enriched
from streams.logic.enrich.event import enrich as enriched
from streams.logic.event import ChainEvent
from streams.logic.normalize.event import normalize as normalized_bodies
from streams.logic.normalize.replaced import Replaced
from streams.stage import Outcome, StageContext
from tests.builders.chain_answers import (
    Answer,
    block,
    encoded,
    envelope,
    log,
    receipt,
    transaction,
)
from tests.builders.raw_events import raw_event
from tests.fakes.stage import unread
from topics.chainlog.kinds import EventKind
from topics.coverage import COUNTED
from topics.groups import group_of

FIRST = 1_700_000_000_000
Answers = tuple[Answer, list[Answer]]
Seen = dict[bytes, tuple[str, int, bool, dict[str, Any]]]


def context(group: str) -> StageContext:
    return StageContext(load_settings(environ={}), group_of(group), lambda _: frame(1), unread)


NORMALIZE = normalize.NormalizeStage(context("normalize"), lambda value: value)
ENRICH = enrich.EnrichStage(context("enrich"), lambda value: value)
BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"


def answers(shape: list[tuple[int, bool, list[int]]]) -> Answers:
    """A block: of each transaction its number, whether it creates a contract, and its transfers' amounts."""
    transactions, receipts, logs = [], [], 0
    for place, (number, creates, amounts) in enumerate(shape):
        own = {"hash": f"0x{number:064x}"} | ({"to": None} if creates else {})
        transactions.append(transaction(place, **own))
        told = {"transactionHash": own["hash"], "transactionIndex": hex(place)}
        of_logs = [log(place, logs + n, data=f"0x{amount:064x}", **told) for n, amount in enumerate(amounts)]
        logs += len(of_logs)
        created = {"to": None, "contractAddress": f"0x{number:040x}"} if creates else {}
        receipts.append(receipt(place, of_logs, transactionHash=own["hash"], **created))
    return block(transactions), receipts


SHAPES = st.lists(
    st.tuples(st.integers(1, 9), st.booleans(), st.lists(st.integers(0, 3), max_size=4)),
    max_size=5,
    unique_by=lambda each: each[0],
)


def event(kind: EventKind, sequence: int, now: Answers, before: Answers | None = None) -> ChainEvent:
    own = envelope(now[0], kind, sequence=FIRST + sequence)
    parts = [encoded(each) for each in (*now, *(before or ()))]
    return raw_event(own, *parts, limit=700)


def normalized(own: ChainEvent) -> ChainEvent:
    (messages,) = NORMALIZE.handle(own).internal
    return replace(own, values=tuple(value or b"" for value in messages.values))


def outcome(own: ChainEvent) -> Outcome:
    return ENRICH.handle(normalized(own))


def consumed(outcomes: Iterable[Outcome]) -> Seen:
    """What a consumer has that keeps the highest sequence of each event_id, removed or not."""
    kept: Seen = {}
    for each in outcomes:
        for messages in each.public:
            for value in messages.values:
                record = codec_for(messages.stream).read(value or b"", 5)
                own, sequence, removed = record["event_id"], record.pop("sequence"), record.pop("removed")
                assert isinstance(own, bytes)
                assert isinstance(sequence, int)
                if own not in kept or sequence > kept[own][1]:
                    kept[own] = messages.stream, sequence, bool(removed), record
                else:
                    # Nobody would know which of two holds.
                    assert (sequence, removed) != (kept[own][1], not kept[own][2])
    return kept


def standing(outcomes: Iterable[Outcome]) -> dict[bytes, tuple[str, dict[str, Any]]]:
    """The records that were not removed."""
    kept = consumed(outcomes).items()
    return {own: (stream, record) for own, (stream, _, removed, record) in kept if not removed}


def coverage(of: Outcome) -> dict[str, Any]:
    assert of.coverage is not None
    return codec_for("coverage").read(of.coverage([]).values[0] or b"", 5)


def taken_back(of: Outcome) -> list[str]:
    """The streams of an outcome's records that are removed, one each."""
    return [
        messages.stream
        for messages in of.public
        for value in messages.values
        if codec_for(messages.stream).read(value or b"", 5)["removed"]
    ]


@given(SHAPES, SHAPES, st.booleans())
def test_a_consumer_is_exact_after_a_repair_with_other_content(
    old: list[tuple[int, bool, list[int]]], new: list[tuple[int, bool, list[int]]], reverted: bool
) -> None:
    before, now = answers(old), answers(new)
    line = [outcome(event(EventKind.APPLY, 0, before))]
    line.append(outcome(event(EventKind.REPAIR, 1, now, before)))
    truth = standing([outcome(event(EventKind.APPLY, 1, now))])
    assert standing(line) == truth
    told = coverage(line[-1])
    assert (told["complete"], told["removed"], told["sequence"]) == (True, False, FIRST + 1)
    assert {each.stream: told[each.field] for each in COUNTED} == {
        each.stream: sum(stream == each.stream for stream, _ in truth.values()) for each in COUNTED
    }
    assert told["retractions"] == len(taken_back(line[-1]))
    if reverted:
        line.append(outcome(event(EventKind.REVERT, 2, now)))
        assert standing(line) == {}


@given(SHAPES, SHAPES)
def test_a_repaired_revert_leaves_nothing(
    old: list[tuple[int, bool, list[int]]], new: list[tuple[int, bool, list[int]]]
) -> None:
    before, now = answers(old), answers(new)
    line = [
        outcome(event(EventKind.APPLY, 0, before)),
        outcome(event(EventKind.REPAIR_REVERT, 1, now, before)),
    ]
    assert standing(line) == {}
    told = coverage(line[-1])
    assert (told["complete"], told["removed"]) == (True, True)


PARTS = ("transactions", "logs", "replaced_transactions", "replaced_logs", "transfers", "contracts")


@given(SHAPES, SHAPES, st.integers(600, 3_000))
def test_what_is_replaced_is_split_like_all_else(
    old: list[tuple[int, bool, list[int]]], new: list[tuple[int, bool, list[int]]], limit: int
) -> None:
    before, now = answers(old), answers(new)
    own = envelope(now[0], EventKind.REPAIR)
    replaced = Replaced(encoded(before[0]), encoded(before[1]))

    def made(part_bytes: int) -> tuple[Enriched, list[dict[str, Any]]]:
        bodies = normalized_bodies(own, encoded(now[0]), encoded(now[1]), replaced, part_bytes=part_bytes)
        values = [frame(1) + body for body in bodies]
        result = enriched(own, values, lambda _: frame(1), part_bytes=part_bytes)
        parts = [codec_for("enriched-blocks").read(value, 5) for value in result.values]
        for value, part in zip(result.values, parts, strict=True):
            # The envelope and the lengths of the arrays are not counted.
            assert len(value) <= part_bytes + 1_000 or sum(len(part[name]) for name in PARTS) == 1
        return result, parts

    (whole, (one,)), (split, parts) = made(1 << 24), made(limit)
    assert {name: [each for part in parts for each in part[name]] for name in PARTS} == {
        name: one[name] for name in PARTS
    }
    assert split.public == whole.public


def test_retractions_and_records_share_one_transaction_and_its_offsets() -> None:
    """Retractions are public messages of the outcome: what coverage is given the offsets of."""
    before, now = answers([(1, False, [1, 2]), (2, True, [])]), answers([(1, False, [1])])
    own = outcome(event(EventKind.REPAIR, 1, now, before))
    assert sorted(taken_back(own)) == [
        "contracts",
        "logs",
        "token-transfers",
        "transactions",
    ]


def test_an_answer_that_did_not_change_is_the_one_that_was_there_before() -> None:
    """Only the receipts are other ones: the block's answer is not said twice."""
    before, now = answers([(1, False, [1, 2])]), answers([(1, False, [1])])
    own = envelope(now[0], EventKind.REPAIR, sequence=FIRST + 1)
    repair = raw_event(own, encoded(now[0]), encoded(now[1]), None, encoded(before[1]))
    record = codec_for("normalized-blocks").read(normalized(repair).values[0], 5)
    # The transaction's count of logs is another one, too.
    assert [len(record[name]) for name in ("replaced_transactions", "replaced_logs")] == [1, 1]  # type: ignore[arg-type]


def test_what_could_not_be_normalised_before_made_no_records() -> None:
    before, now = answers([(1, False, [1])]), answers([(1, False, [1])])
    repair = event(EventKind.REPAIR, 1, now, (before[0], []))
    record = codec_for("normalized-blocks").read(normalized(repair).values[0], 5)
    assert record["replaced_transactions"] == record["replaced_logs"] == []
    assert coverage(ENRICH.handle(normalized(repair)))["complete"] is True


def test_a_block_that_replaces_nothing_carries_nothing_twice() -> None:
    now = answers([(1, False, [1])])
    for repair in (event(EventKind.REPAIR, 1, now), event(EventKind.REPAIR, 1, now, now)):
        record = codec_for("normalized-blocks").read(b"".join(normalized(repair).values), 5)
        assert record["replaced_transactions"] == record["replaced_logs"] == []


@pytest.mark.parametrize("kind", [EventKind.REPAIR, EventKind.REPAIR_REVERT])
def test_a_repair_that_fails_hides_nothing(kind: EventKind) -> None:
    """Its number goes on, and the coverage that was written before stands."""
    now = answers([(1, False, [1])])
    repair = event(kind, 1, (now[0], []))
    with pytest.raises(Permanent, match="0 receipts for 1 transactions") as caught:
        NORMALIZE.handle(repair)
    (messages,) = NORMALIZE.placeholder(repair, caught.value).internal
    onward = replace(repair, values=tuple(value or b"" for value in messages.values))
    for own in (ENRICH.handle(onward), ENRICH.placeholder(onward, caught.value)):
        assert (own.public, own.coverage) == ([], None)
        (internal,) = own.internal
        told = codec_for("enriched-blocks").read(internal.values[0] or b"", 5)
        assert (told["sequence"], told["event"]) == (FIRST + 1, kind.name)
        assert told["problem"] == str(caught.value)
