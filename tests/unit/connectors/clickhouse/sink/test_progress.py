"""Offsets: what is stored, what may be committed, what counts as passed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.progress import OffsetTracker

LOGS, BLOCKS = Partition("logs", 0), Partition("blocks", 1)
COVERAGE = Partition("coverage", 0)


def test_progress_passes_control_records_only_when_all_before_is_stored() -> None:
    progress = OffsetTracker()
    progress.assign([LOGS])
    assert (progress.position(LOGS), progress.to_commit()) == (0, {})
    assert progress.unplaced() == [LOGS]
    progress.begin({LOGS: 5})
    progress.delivered({LOGS: 8})
    assert (progress.unplaced(), progress.read()) == ([], {LOGS: 8})
    assert progress.take_changed() == {LOGS: 5}
    progress.at_end(LOGS, 9)
    assert progress.take_changed() == {}
    progress.stored({LOGS: 7}, progress.assignments)
    assert progress.take_changed() == {LOGS: 7}
    progress.stored({LOGS: 8}, progress.assignments)
    assert progress.take_changed() == {LOGS: 9}
    assert progress.to_commit() == {LOGS: 9}
    progress.committed({LOGS: 9})
    assert progress.to_commit() == {}


def test_an_idle_partition_is_known_by_its_end() -> None:
    progress = OffsetTracker()
    progress.assign([LOGS])
    progress.at_end(LOGS, 12)
    assert progress.take_changed() == {}
    progress.begin({LOGS: 9})
    progress.at_end(LOGS, 12)
    assert progress.take_changed() == {LOGS: 12}


def test_held_offsets_are_not_committed_but_count_as_passed() -> None:
    progress = OffsetTracker()
    progress.assign([COVERAGE])
    progress.begin({COVERAGE: 0})
    progress.delivered({COVERAGE: 3})
    progress.hold(COVERAGE, 1)
    progress.hold(COVERAGE, 2)
    progress.stored({COVERAGE: 3}, progress.assignments)
    assert (progress.position(COVERAGE), progress.to_commit()) == (3, {COVERAGE: 1})
    progress.release(COVERAGE, 1)
    assert progress.to_commit() == {COVERAGE: 2}
    progress.release(COVERAGE, 2)
    assert progress.to_commit() == {COVERAGE: 3}


def test_what_finishes_after_a_partition_went_away_does_not_count() -> None:
    progress = OffsetTracker()
    progress.assign([LOGS])
    progress.begin({LOGS: 0})
    progress.delivered({LOGS: 4})
    progress.forget([LOGS])
    progress.stored({LOGS: 4}, progress.assignments)
    assert (progress.take_changed(), progress.to_commit(), progress.owns(LOGS)) == ({}, {}, False)


def test_what_began_under_a_former_assignment_does_not_count() -> None:
    progress = OffsetTracker()
    progress.assign([COVERAGE, LOGS])
    before = progress.assignments
    progress.forget([COVERAGE])
    assert progress.is_current(COVERAGE, before) is False
    progress.assign([COVERAGE])
    progress.begin({COVERAGE: 40, LOGS: 0})
    progress.stored({COVERAGE: 61, LOGS: 3}, before)
    assert progress.to_commit() == {COVERAGE: 40, LOGS: 3}
    assert (progress.is_current(COVERAGE, before), progress.is_current(LOGS, before)) == (False, True)


@given(st.permutations(range(40, 46)), st.integers(0, 6))
def test_commits_stay_below_the_lowest_that_is_held_in_whatever_order(
    offsets: list[int], released: int
) -> None:
    progress = OffsetTracker()
    progress.assign([COVERAGE])
    progress.begin({COVERAGE: 40})
    for offset in offsets:
        progress.hold(COVERAGE, offset)
    progress.stored({COVERAGE: 61}, progress.assignments)
    for offset in offsets[:released]:
        progress.release(COVERAGE, offset)
    assert progress.to_commit() == {COVERAGE: min(offsets[released:], default=61)}
