"""Which heights are moved next."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.visibility.heights import Heights, Range
from connectors.clickhouse.visibility.moving.plan import (
    HeightCoverage,
    Limits,
    Moved,
    Sight,
    next_move,
    to_sweep,
)
from connectors.clickhouse.visibility.store import Settled

LIMITS = Limits(step=10, stride=50, kept=5, filled=2)
NOTHING = Moved()


def heights(*ranges: tuple[int, int]) -> Heights:
    return Heights(Range(first, last) for first, last in ranges)


def sight(
    settled: Heights,
    moved: Moved = NOTHING,
    coverage: Mapping[int, HeightCoverage] | None = None,
    gone: Collection[int] = (),
    exceptions: Mapping[int, int] | None = None,
) -> Sight:
    return Sight(Settled(settled, exceptions or {}, 900), moved, coverage or {}, gone, moved, 900)


def test_the_oldest_go_first_and_the_newest_stay() -> None:
    move = next_move(sight(heights((100, 300))), LIMITS)
    assert move is not None
    assert move.heights == heights((100, 149))
    assert move.after == Moved(1, heights((100, 149)), 150, {}, 900)
    assert next_move(sight(heights((100, 113))), LIMITS) is None
    move = next_move(sight(heights((100, 114))), LIMITS)
    assert move is not None
    assert move.heights == heights((100, 109))


def test_what_is_under_way_stays_and_holds_nothing_up() -> None:
    coverage = {
        100: HeightCoverage(901, 901),
        103: HeightCoverage(5, 5, whole=False),
        104: HeightCoverage(899, 899),
    }
    move = next_move(sight(heights((100, 120)), coverage=coverage, exceptions={101: 7}), LIMITS)
    assert move is not None
    assert move.heights == heights((102, 102), (104, 115))
    assert move.after.ending == 116
    everything = dict.fromkeys(range(100, 200), 7)
    move = next_move(sight(heights((100, 250)), exceptions=everything), LIMITS)
    assert move is not None
    assert move.heights == heights((200, 245))


def test_a_move_stays_in_its_partition_and_is_a_statement_of_bounded_length() -> None:
    move = next_move(sight(heights((999_990, 1_000_100))), LIMITS)
    assert move is not None
    assert move.heights == heights((999_990, 999_999))
    scattered = Heights(Range(number, number) for number in range(0, 4_000, 2))
    move = next_move(sight(scattered), Limits(step=10, stride=10_000, kept=0))
    assert move is not None
    assert len(move.heights.ranges) == 500
    assert move.after.ending == 999


def test_what_changed_since_the_move_is_listed_when_the_sequence_rises() -> None:
    moved = Moved(3, heights((0, 99)), 100, {7: 50}, 500)
    # Repaired; repaired before the move; an orphan was taken back; the moved block was.
    coverage = {
        1: HeightCoverage(600, 600),
        2: HeightCoverage(400, 400),
        3: HeightCoverage(600, 0),
        4: HeightCoverage(600, 0),
        7: HeightCoverage(700, 700),
    }
    move = next_move(sight(heights((0, 130)), moved, coverage, gone=[4]), LIMITS)
    assert move is not None
    assert move.after.exceptions == {1: 500, 4: 500, 7: 50}
    assert move.after.sequence == 900


def test_filled_heights_are_listed_first_and_then_moved() -> None:
    moved = Moved(3, heights((0, 4), (6, 6), (8, 99)), 100, {}, 500)
    move = next_move(sight(heights((0, 130)), moved), LIMITS)
    assert move is not None
    assert move.after.exceptions == {5: 0, 7: 0}
    listed = Moved(4, moved.heights, 100, {5: 0, 7: 0, 50: 500}, 500)
    move = next_move(sight(heights((0, 100)), listed), LIMITS)
    assert move is not None
    assert move.heights == heights((5, 5), (7, 7))
    # What was moved before it changed is an exception for good.
    assert move.after == Moved(5, heights((0, 99)), 100, {50: 500}, 900)
    # Queries may still go by what did not list them.
    early = Sight(Settled(heights((0, 100)), {}, 900), listed, {}, (), moved, 900)
    assert next_move(early, LIMITS) is None


def test_a_move_is_disturbed_by_what_happens_to_its_heights_meanwhile() -> None:
    move = next_move(sight(heights((100, 120))), LIMITS)
    assert move is not None
    assert not move.disturbed([], {})
    assert not move.disturbed([99, 120], {116: HeightCoverage(1_000, 1_000), 100: HeightCoverage(900, 900)})
    assert move.disturbed([100], {})
    assert move.disturbed([], {100: HeightCoverage(901, 0)})
    assert move.disturbed([], {100: HeightCoverage(800, 800, whole=False)})


def test_exceptions_and_what_is_newer_is_not_swept() -> None:
    moved = Moved(3, heights((0, 4)), 6, {1: 500}, 500)
    coverage = {2: HeightCoverage(600, 600), 3: HeightCoverage(600, 0)}
    assert to_sweep(dict.fromkeys(range(7), 10), moved, coverage) == {0: 10, 3: 10, 4: 10}


numbers = st.sets(st.integers(0, 120))


@given(settled=numbers, busy=numbers, open_heights=numbers)
def test_in_the_end_everything_is_moved_that_may_be(
    settled: set[int], busy: set[int], open_heights: set[int]
) -> None:
    limits = Limits(step=1, stride=17, kept=0, filled=1)
    ranges = Heights(Range(number, number) for number in settled)
    coverage = {number: HeightCoverage(1_000, 1_000) for number in busy}
    exceptions = dict.fromkeys(open_heights, 7)
    moved, found = Moved(), set[int]()
    for _ in range(150):
        move = next_move(Sight(Settled(ranges, exceptions, 900), moved, coverage, (), moved, 900), limits)
        if move is None:
            break
        now = {number for each in move.heights.ranges for number in range(each.first, each.last + 1)}
        assert now
        assert not now & found
        assert not now & (busy | open_heights)
        # Nobody sees them in the settled tables before.
        assert all(number >= moved.ending or number in moved.exceptions for number in now)
        moved, found = move.after, found | now
    assert found == settled - busy - open_heights
    assert moved.heights == Heights(Range(number, number) for number in found)
