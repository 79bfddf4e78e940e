"""Records as rules see them, and the rules that are asked about each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.evm.identity import RecordKind, event_id
from schemas import Records
from streams.logic.alerts.evaluate import selection
from streams.logic.alerts.index import KindIndex, RuleIndex
from streams.logic.alerts.records import LAYOUTS, Row, Shared, header_of
from streams.logic.alerts.rule import Match, Requirement, Rule
from tests.builders.alerts import (
    ALICE,
    BOB,
    CAROL,
    HASH,
    READER,
    TOKEN,
    content,
    envelope,
    log,
    rule,
    text,
    transaction,
    transfer,
    value,
)
from topics.chainlog.kinds import EventKind
from topics.coverage import COUNTED, Counted

ENVELOPE = envelope(EventKind.APPLY, 100, 3)
BODY = content(
    transfer(2, 2**256 - 1),
    transactions=[transaction(1, to_address=None, receipt_status=0)],
    logs=[log(2, TOKEN, HASH)],
    contracts=[
        {"address": CAROL, "creator_address": ALICE, "transaction_hash": HASH, "transaction_index": 1}
    ],
)


def _row(match: Match, rules: RuleIndex) -> Row:
    part = READER.message(value(ENVELOPE, BODY), selection(rules))
    records = header_of([part]) if match is Match.BLOCK else part.records[LAYOUTS[match].array]
    return Row(LAYOUTS[match], Shared(ENVELOPE), records, 0)


@pytest.mark.parametrize("required", [(), (Requirement("transaction_index", frozenset({1})),)])
@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match.BLOCK, {"miner": text(CAROL), "base_fee_per_gas": 7, "log_count": 1, "contract_count": 1}),
        (
            Match.TRANSACTION,
            {"value": 2**255, "nonce": 2**64 - 1, "input": "0xdead", "to_address": None, "receipt_status": 0},
        ),
        (Match.LOG, {"address": text(TOKEN), "topics": [text(HASH)], "data": "0x01", "log_index": 2}),
        (Match.TOKEN_TRANSFER, {"value": 2**256 - 1, "to_address": text(BOB), "token_standard": "ERC20"}),
        (Match.CONTRACT_CREATION, {"address": text(CAROL), "creator_address": text(ALICE)}),
    ],
)
def test_a_record_has_the_fields_of_its_stream_as_rules_see_them(
    match: Match, expected: dict[str, Any], required: tuple[Requirement, ...]
) -> None:
    row = _row(match, RuleIndex([rule("r", match, requirements=required)]))
    shared = {
        "chain_id": 1,
        "block_number": 3,
        "block_hash": text(ENVELOPE.block_hash or b""),
        "removed": False,
    }
    assert {name: row[name] for name in (*expected, *shared)} == {**expected, **shared}
    assert [row[name] for name in row]
    assert "nonsense" not in row
    with pytest.raises(KeyError):
        row["nonsense"]


def test_identities_are_those_of_the_public_streams() -> None:
    rules = RuleIndex([rule("r", Match.TOKEN_TRANSFER), rule("b", Match.BLOCK)])
    own = ENVELOPE.block_hash or b""
    row = _row(Match.TOKEN_TRANSFER, rules)
    assert row["event_id"] == text(event_id(1, own, RecordKind.TOKEN_TRANSFER, 2, 0))
    assert (row.transaction_hash, row.log_index) == (HASH, 2)
    block = _row(Match.BLOCK, rules)
    assert block["event_id"] == text(event_id(1, own, RecordKind.BLOCK, 0))
    assert (block.transaction_hash, block.log_index) == (None, None)


ADDRESSES = (ALICE, BOB, CAROL)
REQUIREMENTS = (
    *(Requirement("from_address", frozenset({text(each)})) for each in ADDRESSES),
    Requirement("to_address", frozenset({text(ALICE), text(BOB)})),
    Requirement("value", frozenset({1, 2})),
    Requirement("from_address", list="w"),
    Requirement("to_address", list="w"),
    Requirement("chain_id", frozenset({1})),
    Requirement("nonsense", frozenset({1})),
    Requirement("from_address", frozenset({"0xAA", 7, None})),
)


def _meets(record: dict[str, Any], required: Requirement, lists: dict[str, frozenset[bytes]]) -> bool:
    raw = record.get(required.field, 1)
    if required.list is not None:
        return raw in lists[required.list]
    seen = text(raw) if isinstance(raw, bytes) else int(raw)
    return seen in (required.values or ())


@given(
    st.lists(st.lists(st.sampled_from(REQUIREMENTS), max_size=2), max_size=6),
    st.lists(
        st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES), st.integers(0, 3)), max_size=6
    ),
    st.frozensets(st.sampled_from(ADDRESSES)),
)
def test_a_rule_is_asked_about_each_record_that_could_match(
    required: list[list[Requirement]], rows: list[tuple[bytes, bytes, int]], members: frozenset[bytes]
) -> None:
    index = KindIndex(LAYOUTS[Match.TOKEN_TRANSFER])
    rules = [rule(f"{place}", requirements=tuple(each)) for place, each in enumerate(required)]
    for each in rules:
        index.add(each)
    records = [{"from_address": a, "to_address": b, "value": str(n)} for a, b, n in rows]
    names = ("from_address", "to_address", "value")
    columns = {name: [record[name] for record in records] for name in names}
    lists = {"w": members}
    found: dict[int, list[str]] = {
        place: [each.id for each in asked]
        for place, asked in index.candidates(Records(len(rows), columns, [b""] * len(rows)), lists)
    }
    for place, record in enumerate(records):
        asked = found.get(place, [])
        assert len(asked) == len(set(asked))
        for each in rules:
            could = all(_meets(record, one, lists) for one in each.requirements)
            assert each.id in asked or not could
            if each in index.unindexed:
                assert each.id in asked
    assert [each.id for each in index.unindexed] == [each.id for each in rules if not _indexable(each)]


def test_logs_are_looked_up_by_a_topic() -> None:
    index = KindIndex(LAYOUTS[Match.LOG])
    second = rule("second", Match.LOG, requirements=(Requirement("topics[1]", frozenset({text(HASH)})),))
    index.add(second)
    index.add(rule("never", Match.LOG, requirements=(Requirement("data[0]", frozenset({1})),)))
    assert (index.columns, [each.id for each in index.unindexed]) == (("topics",), ["never"])
    topics: list[object] = [[], [HASH], [b"o" * 32, HASH], [HASH, b"o" * 32]]
    found = dict(index.candidates(Records(4, {"topics": topics}, [b""] * 4), {}))
    assert [place for place, asked in found.items() if second in asked] == [2]


def test_logs_are_looked_up_by_the_address_in_a_topic() -> None:
    index = KindIndex(LAYOUTS[Match.LOG])
    own = rule("own", Match.LOG, requirements=(Requirement("topics[1]", list="w", word=True),))
    index.add(own)
    index.add(rule("never", Match.LOG, requirements=(Requirement("data", list="w", word=True),)))
    assert (index.columns, [each.id for each in index.unindexed]) == (("topics",), ["never"])
    zeros = bytes(12)
    topics: list[object] = [[HASH], [HASH, zeros + ALICE], [HASH, zeros + BOB], [HASH, ALICE]]
    records = Records(4, {"topics": topics}, [b""] * 4)
    found = dict(index.candidates(records, {"w": frozenset({ALICE})}))
    assert [place for place, asked in found.items() if own in asked] == [1]
    assert all(own not in asked for _, asked in index.candidates(records, {}))


def _indexable(made: Rule) -> bool:
    return any(each.field in ("from_address", "to_address", "value") for each in made.requirements)


@pytest.mark.parametrize("counted", COUNTED, ids=lambda each: each.stream)
def test_a_block_has_each_number_that_coverage_counts(counted: Counted) -> None:
    everything = RuleIndex(rule(match.value, match) for match in LAYOUTS)
    part = READER.message(value(ENVELOPE, BODY), selection(everything))
    (number,) = header_of([part]).columns[counted.field]
    # A header says its transactions itself, and the builder's one says three.
    assert number == (3 if counted.stream == "transactions" else 1)
