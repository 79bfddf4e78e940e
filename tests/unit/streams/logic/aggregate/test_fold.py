"""Statistics of any life of a chain: what a recount says, whatever is repeated and whenever it dies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec_for
from streams.logic.aggregate.entries import STREAM, Entries
from streams.logic.aggregate.fold import Fact, Fold
from streams.logic.aggregate.input import Contribution
from streams.logic.aggregate.measures import CHAIN
from streams.logic.aggregate.windows import HOUR, MINUTE, SLOTS, WindowKey
from tests.builders.statistics import FIRST, GIVEN, Block, Published, fact, hash_of, keep, lives, recount
from topics.chainlog.kinds import EventKind

Emitted = list[tuple[int, WindowKey, bool, bool, Any, list[tuple[bytes, Any]]]]
START = 1_700_002_800_000  # a whole hour
read = codec_for(STREAM).read
ONE = Contribution({CHAIN: (1, *(0,) * 10)}, None)


class Life:
    """A fold with the state topic that it writes; `die` makes it anew from that."""

    def __init__(self) -> None:
        self.fold, self.entries = Fold(), Entries()
        self.topic: dict[bytes, bytes] = {}
        self.held: Published = {}
        self.emitted: Emitted = []
        self.marks: dict[WindowKey, str] = {}

    def add(self, facts: Iterable[Fact]) -> Life:
        for each in facts:
            decision = self.fold.add(each)
            for found in decision.snapshots():
                self.emitted.append(
                    (
                        decision.sequence,
                        found.window,
                        found.complete,
                        found.final,
                        found.base_fees,
                        list(found.entities.items()),
                    )
                )
            keep(self.held, decision)
            self.marks |= decision.marks
            for key, value in self.entries.changes(self.fold, decision):
                if value is None:
                    self.topic.pop(key, None)
                else:
                    self.topic[key] = value
        return self

    def die(self) -> None:
        self.entries = Entries()
        self.fold = self.entries.restored(self.topic, lambda value: read(value, 0))


def life(facts: Sequence[Fact]) -> Life:
    return Life().add(facts)


@given(lives())
def test_sums_equal_a_naive_recount(facts: list[Fact]) -> None:
    # A block far ahead closes every window: what was due has gone out then.
    last = max((each.timestamp or 0 for each in facts), default=0)
    ahead = Block(10**6, hash_of("ahead"), hash_of("?"), last + 2 * HOUR, None)
    done = life([*facts, fact(EventKind.APPLY, FIRST + len(facts), ahead)])
    expected = recount(facts)
    mine = {
        place: (measures, fees)
        for place, (_, measures, _, _, fees) in done.held.items()
        if measures is not None and place[0][1] <= last
    }
    assert mine == expected


@given(lives(repairs=True), st.data())
def test_a_death_after_any_event_changes_nothing(facts: list[Fact], data: st.DataObject) -> None:
    undisturbed = life(facts)
    deaths = data.draw(st.sets(st.integers(0, len(facts))))
    disturbed = Life()
    for number, each in enumerate(facts):
        disturbed.add([each])
        if number in deaths:
            disturbed.die()
            # Whatever was read before comes again.
            disturbed.add(facts[max(0, number - 3) : number + 1])
    assert disturbed.emitted == undisturbed.emitted
    assert disturbed.topic == undisturbed.topic


@given(lives(repairs=True), st.data())
def test_repeats_of_earlier_events_are_nothing(facts: list[Fact], data: st.DataObject) -> None:
    disturbed = Life()
    for number, each in enumerate(facts):
        disturbed.add([each, *data.draw(st.lists(st.sampled_from(facts[: number + 1]), max_size=2))])
    undisturbed = life(facts)
    assert disturbed.held == undisturbed.held
    assert disturbed.topic == undisturbed.topic


@given(lives(repairs=True))
def test_what_is_remembered_is_what_can_change(facts: list[Fact]) -> None:
    done = life(facts)
    until = done.fold.final_until
    assert all(start + size > until for size, start in done.fold.windows)
    assert all(
        each.timestamp - each.timestamp % MINUTE + MINUTE > until for each in done.fold.blocks.values()
    )
    minutes = [int(key.split(b":")[1]) for key in done.topic if key.startswith(b"minute:")]
    assert all(start - start % HOUR + HOUR > until for start in minutes)
    assert {key for key in done.topic if key.startswith(b"block:")} == {
        b"block:" + hash_.hex().encode() for hash_ in done.fold.blocks
    }


@given(lives())
def test_a_window_is_complete_only_where_every_block_of_it_is_known(facts: list[Fact]) -> None:
    done = life(facts)
    tip = done.fold.tip
    if tip is None or tip.hash is None:
        return
    # A block far ahead closes every window: what was due has gone out then.
    last = max(each.timestamp or 0 for each in facts)
    ahead = Block(tip.number + 1, hash_of("ahead"), tip.hash, last + 2 * HOUR, ONE)
    done.add([fact(EventKind.APPLY, FIRST + len(facts), ahead)])
    standing: dict[bytes, Fact] = {}
    for each in facts:
        if each.kind is EventKind.APPLY:
            standing[each.hash or b""] = each
        elif each.kind is EventKind.REVERT:
            standing.pop(each.hash or b"")
    first = next((each for each in facts if each.kind is EventKind.APPLY), None)
    for ((size, start), entity), (_, measures, complete, final, _) in done.held.items():
        if entity != CHAIN or measures is None or start > last:
            continue
        inside = [each for each in standing.values() if start <= (each.timestamp or 0) < start + size]
        partial = first is not None and first.number != 0 and start <= (first.timestamp or 0)
        whole = all(each.contribution is not None for each in inside) and not partial
        assert complete == whole
        assert final == (start + size <= done.fold.final_until)


@given(st.lists(st.sampled_from(GIVEN), min_size=2, max_size=5))
def test_a_repair_of_a_remembered_block_replaces_what_it_gave(given_: list[Any]) -> None:
    blocks = [
        Block(number, hash_of(f"{number}"), hash_of(f"{number - 1}"), START + number * 12_000, each)
        for number, each in enumerate(given_)
    ]
    facts = [fact(EventKind.APPLY, FIRST + number, each) for number, each in enumerate(blocks)]
    wrong = Block(0, hash_of("0"), hash_of("-1"), START, None)
    broken = [fact(EventKind.APPLY, FIRST, wrong), *facts[1:]]
    repaired = life([*broken, fact(EventKind.REPAIR, FIRST + 9, blocks[0])])
    right = life(facts)
    assert repaired.fold.windows.keys() == right.fold.windows.keys()
    for key, window in repaired.fold.windows.items():
        assert window.totals == right.fold.windows[key].totals
        assert window.complete
    assert repaired.held[(HOUR, START), CHAIN][:3] == (
        FIRST + 9,
        repaired.fold.windows[HOUR, START].totals[CHAIN],
        True,
    )
    assert not repaired.marks


def test_a_repair_that_failed_leaves_what_is_known() -> None:
    done = life(_chain(0))
    before = dict(done.topic)
    nothing = Block(0, hash_of("0"), hash_of("-1"), START, None)
    done.add([fact(EventKind.REPAIR, FIRST + 1, nothing)])
    assert {key for key in done.topic if done.topic[key] != before[key]} == {b"progress"}
    assert len(done.emitted) == 2  # the first of the two windows


def test_a_repair_of_a_collapsed_block_leaves_its_windows_incomplete() -> None:
    facts = _chain(0, 12, 60, 72)
    final = Fact(EventKind.FINALIZED, FIRST + 4, 2, hash_of("2"), None, None)
    repair = Fact(EventKind.REPAIR, FIRST + 5, 0, hash_of("0"), None, START, ONE)
    done = life([*facts, final, repair])
    assert list(done.marks) == [(MINUTE, START)]
    sequence, measures, complete, _, _ = done.held[(HOUR, START), CHAIN]
    assert (sequence, measures and measures[0], complete) == (FIRST + 5, 4, False)
    behind = Fact(EventKind.FINALIZED, FIRST + 7, 9, hash_of("9"), None, START + HOUR)
    again = Fact(EventKind.REPAIR, FIRST + 8, 0, hash_of("0"), None, START, ONE)
    done.add([behind, again])
    assert set(done.marks) == {(MINUTE, START), (HOUR, START)}
    assert done.held[(HOUR, START), CHAIN][2:4] == (False, True)


def test_at_most_twenty_snapshots_a_window_and_then_the_close() -> None:
    done = life(_chain(*range(0, 3_600, 4), 3_600))
    times = [sequence for sequence, window, *_ in done.emitted if window == (HOUR, START)]
    assert len(times) == SLOTS + 1
    assert times[:3] == [FIRST, FIRST + 45, FIRST + 90]
    minute = [sequence for sequence, window, *_ in done.emitted if window == (MINUTE, START)]
    assert len(minute) == 15, "and nothing is left for the close"


def test_snapshots_come_in_the_order_of_windows_and_entities() -> None:
    """Whatever order a process has its sets in: a rule may hold back all but the first of them."""
    tokens = {b"T" + bytes([37 * each % 256]) * 20: (1, 5, 0, 0) for each in range(60)}
    facts = [
        replace(each, contribution=Contribution({**ONE.entities, **tokens}, None)) for each in _chain(0, 61)
    ]
    done = life(facts)
    for _, _, _, _, _, entities in done.emitted:
        assert len(entities) == 61
        assert [entity for entity, _ in entities] == sorted(entity for entity, _ in entities)
    places = [(sequence, window) for sequence, window, *_ in done.emitted]
    assert places == sorted(places)


@pytest.mark.parametrize("dies", [False, True])
def test_what_was_due_is_still_due_when_its_minute_has_collapsed(dies: bool) -> None:
    token = b"T" + bytes(20)
    facts = _chain(0, 70, 130, 200)
    once = Contribution({**ONE.entities, token: (1, 5, 0, 0)}, None)
    facts[1] = replace(facts[1], contribution=once)
    final = Fact(EventKind.FINALIZED, FIRST + 3, 2, hash_of("2"))
    done = life([*facts[:3], final])
    assert token not in [entity for window, entity in done.held if window == (HOUR, START)]
    assert not [block for block in done.fold.blocks.values() if block.number == 1]
    if dies:
        done.die()
    done.add([replace(facts[3], sequence=FIRST + 4)])
    assert done.held[(HOUR, START), token][:2] == (FIRST + 4, (1, 5, 0, 0))


def test_a_block_that_leaves_is_told_at_once_and_a_window_without_blocks_is_removed() -> None:
    facts = _chain(0, 1, 60)
    left = [each.hash for each in facts[:0:-1]]
    done = life(
        [
            *facts,
            *(
                Fact(EventKind.REVERT, FIRST + 3 + number, 2 - number, hash_, hash_of(f"{1 - number}"), time)
                for number, (hash_, time) in enumerate(
                    zip(left, (START + 60_000, START + 1_000), strict=True)
                )
            ),
        ]
    )
    assert done.held[(MINUTE, START + MINUTE), CHAIN][:2] == (FIRST + 3, None)
    assert done.held[(MINUTE, START), CHAIN][:2] == (FIRST + 4, ONE.entities[CHAIN])
    assert (MINUTE, START + MINUTE) not in done.fold.windows


def test_a_chain_seen_from_its_middle_begins_with_incomplete_windows() -> None:
    facts = _chain(0, 1, 30, 61, 125)[2:]
    done = life(facts)
    assert {window[1]: held[2] for (window, entity), held in done.held.items() if window[0] == MINUTE} == {
        START: False,
        START + MINUTE: True,
        START + 2 * MINUTE: True,
    }
    assert not done.held[(HOUR, START), CHAIN][2]


def test_a_block_that_does_not_follow_leaves_both_windows_incomplete() -> None:
    facts = _chain(0, 1, 61, 62, 123, 190)
    done = life([*facts[:2], *facts[3:]])
    assert {window[1]: held[2] for (window, entity), held in done.held.items() if window[0] == MINUTE} == {
        START: False,
        START + MINUTE: False,
        START + 2 * MINUTE: True,
        START + 3 * MINUTE: True,
    }


def _chain(*times: int) -> list[Fact]:
    """Blocks from 0 on at seconds after the hour, each with nothing but itself."""
    facts = []
    for number, seconds in enumerate(times):
        block = Block(number, hash_of(f"{number}"), hash_of(f"{number - 1}"), START + seconds * 1_000, ONE)
        facts.append(fact(EventKind.APPLY, FIRST + number, block))
    return facts
