"""What the state stage makes of any life of a chain is clean, and every change of it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.stream_check.algebra.asked import NEWER, Range, Tally
from audit.stream_check.states.check import NEWER_STATES, StateCheck
from audit.stream_check.states.record import StateRecord
from streams.logic.state.facts import Fact
from tests.builders.state_chains import FIRST, Block, fact, lives
from tests.builders.state_records import PARTITIONS, Published, published
from topics.chainlog.kinds import EventKind

OLD = Block(1, "one", (1, 2))
LEFT = Block(2, "left", (3, 4))
NEW = Block(2, "new", (4, 5))
LAST = Block(3, "last", (6,))

APPLY, REVERT, SAFE, FINALIZED = EventKind.APPLY, EventKind.REVERT, EventKind.SAFE, EventKind.FINALIZED
EVENTS = [
    (APPLY, OLD),
    (APPLY, LEFT),
    (SAFE, OLD),
    (REVERT, LEFT),
    (APPLY, NEW),
    (APPLY, LAST),
    (SAFE, NEW),
    (FINALIZED, NEW),
]


def life() -> Published:
    """One fork: transaction 3 is gone, 4 was mined again, 6 is not final yet."""
    return published([fact(kind, FIRST + at, block) for at, (kind, block) in enumerate(EVENTS)])


def at(sequence: int) -> int:
    return FIRST + sequence


def changed(
    wanted: Callable[[StateRecord], bool], change: Callable[[StateRecord], StateRecord | None], own: Published
) -> list[StateRecord]:
    """The states with the first one that is wanted changed, or left out."""
    states = [*own.states]
    place = next(place for place, each in enumerate(states) if wanted(each))
    new = change(states[place])
    return [*states[:place], *([] if new is None else [new]), *states[place + 1 :]]


def state_of(state: str, sequence: int) -> Callable[[StateRecord], bool]:
    return lambda each: (each.state, each.sequence) == (state, at(sequence))


@given(lives())
def test_what_the_stage_writes_is_clean(facts: list[Fact]) -> None:
    assert published(facts).findings() == []


@given(lives(), st.data())
def test_repeats_after_a_kill_are_clean(facts: list[Fact], data: st.DataObject) -> None:
    own = published(facts)
    cut = data.draw(st.integers(0, len(own.states)))
    again = data.draw(st.integers(0, cut))
    repeats = [
        each._replace(position=each.position._replace(offset=1_000 + each.position.offset))
        for each in own.states[again:cut]
    ]
    assert own.findings([*own.states[:cut], *repeats, *own.states[cut:]]) == []


@given(lives(), st.randoms())
def test_what_compaction_leaves_is_clean(facts: list[Fact], chance) -> None:  # type: ignore[no-untyped-def]
    own = published(facts)
    last = {each.transaction: each.version for each in own.states}
    left = [each for each in own.states if each.version == last[each.transaction] or chance.random() < 0.5]
    assert own.findings(left) == []


def test_the_example_has_every_state() -> None:
    own = life()
    assert own.findings() == []
    assert {each.state for each in own.states} == {"INCLUDED", "SAFE", "FINALIZED", "REORGED"}
    assert {each.epoch for each in own.states} == {0, 1}


@pytest.mark.parametrize(
    ("wanted", "change", "kind"),
    [
        (state_of("REORGED", 3), lambda record: record._replace(epoch=0), "epoch"),
        (state_of("INCLUDED", 4), lambda record: record._replace(epoch=2), "epoch"),
        (state_of("SAFE", 6), lambda record: record._replace(epoch=7), "epoch"),
        (state_of("REORGED", 3), lambda record: record._replace(retracts=None), "retracts"),
        (state_of("REORGED", 3), lambda record: record._replace(retracts=record.retracts - 1), "retracts"),
        (state_of("INCLUDED", 4), lambda record: record._replace(retracts=at(0) * 16 + 5), "retracts"),
        (state_of("SAFE", 2), lambda record: record._replace(version=record.version + 1), "state"),
        (state_of("REORGED", 3), lambda record: record._replace(removed=False), "state"),
        (state_of("INCLUDED", 4), lambda record: record._replace(removed=True), "state"),
        (state_of("INCLUDED", 4), lambda record: record._replace(block_hash=LEFT.hash), "state"),
        (
            state_of("REORGED", 3),
            lambda record: record._replace(state="INCLUDED", version=record.version - 3, removed=False),
            "state",
        ),
        (state_of("SAFE", 6), lambda record: record._replace(block_hash=LEFT.hash), "state-stands"),
        (state_of("FINALIZED", 7), lambda record: record._replace(block_hash=LEFT.hash), "state-stands"),
        (state_of("INCLUDED", 0), lambda record: record._replace(key=b"0x00"), "key"),
        (state_of("INCLUDED", 0), lambda record: record._replace(event_id=b"1" * 16), "identity"),
        (
            state_of("INCLUDED", 0),
            lambda record: record._replace(
                position=record.position._replace(partition=(record.position.partition + 1) % 3)
            ),
            "partition",
        ),
    ],
)
def test_a_message_that_says_something_else_is_found(
    wanted: Callable[[StateRecord], bool], change: Callable[[StateRecord], StateRecord | None], kind: str
) -> None:
    own = life()
    assert kind in {each.kind for each in own.findings(changed(wanted, change, own))}


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (state_of("REORGED", 3), "state-stands"),
        (state_of("INCLUDED", 0), "state-missing"),
        (state_of("INCLUDED", 5), "state-missing"),
        (state_of("SAFE", 2), "state-missing"),
        (state_of("FINALIZED", 7), "state-missing"),
    ],
)
def test_a_message_that_lacks_is_found(wanted: Callable[[StateRecord], bool], kind: str) -> None:
    own = life()
    # Nothing is compacted yet, so that no later message explains it.
    young = Range(compacted_before_ms=0)
    found = own.findings(changed(wanted, lambda record: None, own), asked=young)
    assert [each.kind for each in found] == [kind]


def refused(kind: EventKind, at_sequence: int, block: Block) -> tuple[Published, list[StateRecord]]:
    """The life with a repair of the block at its end, and the states without what one event decides in it."""
    facts = [fact(each, at(place), own) for place, (each, own) in enumerate(EVENTS)]
    own = published([*facts, fact(kind, at(len(EVENTS)), block)])
    lost = [each for each in own.states if (each.sequence, each.block_hash) == (at(at_sequence), block.hash)]
    return own, [each for each in own.states if each not in lost]


@pytest.mark.parametrize(
    ("repair", "sequence", "block", "kind"),
    [
        (EventKind.REPAIR, 0, OLD, "state-missing"),
        (EventKind.REPAIR, 2, OLD, "state-missing"),
        (EventKind.REPAIR, 5, LAST, "state-missing"),
        (EventKind.REPAIR, 7, OLD, "state-missing"),
        (EventKind.REPAIR_REVERT, 3, LEFT, "state-stands"),
    ],
)
def test_what_a_repair_says_of_its_block_again_lacks_no_more(
    repair: EventKind, sequence: int, block: Block, kind: str
) -> None:
    own, left = refused(repair, sequence, block)
    # However young it is: no verdict depends on when it is asked for.
    young = Range(compacted_before_ms=0)
    assert own.findings(asked=young) == []
    before = [each for each in left if each.sequence < at(len(EVENTS))]
    assert {each.kind for each in own.findings(before, asked=young, events=own.events[:-1])} == {kind}
    assert own.findings(left, asked=young) == []
    assert {each.kind for each in own.findings(left, asked=young, at_once=True)} == {kind}


def test_a_repair_of_another_block_explains_nothing() -> None:
    own, left = refused(EventKind.REPAIR, 0, OLD)
    events = [
        replace(each, block_hash=NEW.hash, number=2) if each.sequence == at(len(EVENTS)) else each
        for each in own.events
    ]
    found = own.findings(left, asked=Range(compacted_before_ms=0), events=events)
    assert "state-missing" in {each.kind for each in found}


def test_what_cannot_be_compacted_yet_is_retracted_by_its_version() -> None:
    own = life()
    later = changed(
        state_of("REORGED", 3), lambda record: record._replace(retracts=(record.retracts or 0) + 1), own
    )
    assert own.findings(later) == []
    assert [each.kind for each in own.findings(later, asked=Range(compacted_before_ms=0))] == ["retracts"]


def test_a_retraction_that_lacks_is_found_at_the_end_where_no_later_message_explains_it() -> None:
    own = life()
    left = [each for each in own.states if each.state != "REORGED"]
    (finding,) = own.findings(left)
    assert finding.kind == "state-stands"
    assert finding.sequences == (at(3),)
    assert "1 transactions stay as they were" in finding.detail, "the other one was mined again"


def test_states_of_an_orphan_that_nothing_retracts_are_found() -> None:
    begun = [fact(APPLY, at(0), OLD), fact(APPLY, at(1), LEFT), fact(SAFE, at(2), OLD)]
    own = published(begun)
    gone = published([*begun, fact(REVERT, at(3), LEFT), fact(APPLY, at(4), LAST)])
    states = [*own.states, *(each for each in gone.states if each.sequence == at(4))]
    assert [each.kind for each in own.findings(states, events=gone.events)] == ["state-stands"]


def test_two_contents_of_one_version_and_a_message_behind_are_found() -> None:
    own = life()
    first = own.states[0]
    two = [*own.states, first._replace(content=1)]
    assert {each.kind for each in own.findings(two)} == {"contents"}


def test_what_the_stage_has_not_come_to_is_not_judged() -> None:
    own, found, tally = life(), [], Tally()
    check = StateCheck(PARTITIONS, found.append, tally)
    for facts in own.events:
        check.take(facts)
    for record in own.states:
        if record.sequence <= at(3):
            check.add(record)
    check.settle(check.newest + 1, below=0)
    check.close()
    assert found == []
    assert tally.unjudged[NEWER_STATES] == 2
    assert NEWER in NEWER_STATES


def test_blocks_deep_below_the_tip_are_let_go_of() -> None:
    own, found = life(), []
    check = StateCheck(PARTITIONS, found.append, Tally())
    for facts in own.events:
        check.take(facts)
    for record in own.states:
        check.add(record)
    check.settle(10**9, below=3)
    assert set(check._lives.blocks) == {LAST.hash}
    assert len(check._lives.lives) == 1
