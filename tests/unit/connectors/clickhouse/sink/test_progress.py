"""Offsets: what is stored, what may be committed, what counts as passed."""

from __future__ import annotations

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.progress import OffsetTracker

LOGS, BLOCKS = Partition("logs", 0), Partition("blocks", 1)
COVERAGE = Partition("coverage", 0)


def test_progress_passes_control_records_only_when_all_before_is_stored() -> None:
    progress = OffsetTracker()
    progress.assign([LOGS])
    assert (progress.position(LOGS), progress.to_commit()) == (0, {})
    assert (progress.unknown([LOGS]), progress.unknown([BLOCKS])) == (True, False)
    progress.begin({LOGS: 5})
    progress.delivered({LOGS: 8})
    assert progress.unknown([LOGS]) is False
    assert progress.take_changed() == {LOGS: 5}
    progress.at_end(LOGS, 9)
    assert progress.take_changed() == {}
    progress.stored({LOGS: 7})
    assert progress.take_changed() == {LOGS: 7}
    progress.stored({LOGS: 8})
    assert progress.take_changed() == {LOGS: 9}
    assert progress.to_commit() == {LOGS: 9}
    progress.committed({LOGS: 9})
    assert progress.to_commit() == {}


def test_an_idle_partition_is_known_by_its_end() -> None:
    progress = OffsetTracker()
    progress.assign([LOGS])
    progress.at_end(LOGS, 12)
    assert progress.take_changed() == {LOGS: 12}


def test_held_offsets_are_not_committed_but_count_as_passed() -> None:
    progress = OffsetTracker()
    progress.assign([COVERAGE])
    progress.begin({COVERAGE: 0})
    progress.delivered({COVERAGE: 3})
    progress.hold(COVERAGE, 1)
    progress.hold(COVERAGE, 2)
    progress.stored({COVERAGE: 3})
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
    progress.stored({LOGS: 4})
    assert (progress.take_changed(), progress.to_commit(), progress.owns(LOGS)) == ({}, {}, False)
