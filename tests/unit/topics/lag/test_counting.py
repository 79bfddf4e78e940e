"""Markers and what is held back on purpose are not lag; all else that waits is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from topics.lag.counting import counted, start_of_sample
from topics.lag.look import Look, Partition, PartitionOffsets, Sample, Waiting

LOGS = Partition("logs", 0)
COVERAGE = Partition("coverage", 0)
NOW = 1_000_000


def look(position: int, end: int, time_ms: int = NOW, partition: Partition = LOGS) -> Look:
    return Look(time_ms, 1, 0, {partition: PartitionOffsets(position, end)})


def test_a_transactions_marker_is_no_lag() -> None:
    before = after = look(10, 11)
    found = counted(LOGS, before, after, Sample(10, 11, ()), {})
    assert (found.messages, found.seconds, found.exact) == (0, 0.0, True)


def test_lag_in_seconds_is_the_age_of_the_first_unread_message() -> None:
    messages = (Waiting(8, NOW - 90_000), Waiting(10, NOW - 60_000), Waiting(12, NOW - 1_000))
    found = counted(LOGS, look(8, 12, NOW - 10_000), look(10, 14), Sample(8, 14, messages), {})
    assert (found.messages, found.seconds) == (2, 60.0)
    assert (found.read_rate, found.written_rate) == (0.1, 0.1)


def test_what_the_sink_holds_back_until_a_block_is_stored_is_no_lag_of_coverage() -> None:
    waits, stored = ((LOGS, 51),), ((LOGS, 50),)
    messages = (Waiting(0, NOW - 60_000, waits), Waiting(2, NOW - 5_000, stored))
    sample = Sample(0, 4, messages)
    now = look(0, 4, partition=COVERAGE)
    found = counted(COVERAGE, now, now, sample, {LOGS: 50, COVERAGE: 0})
    assert (found.messages, found.held, found.seconds) == (1, 1, 5.0)
    found = counted(COVERAGE, now, now, sample, {LOGS: 49, COVERAGE: 0})
    assert (found.messages, found.held, found.seconds) == (0, 2, 0.0)


def test_a_long_queue_is_counted_by_a_sample() -> None:
    messages = tuple(Waiting(offset, NOW - 30_000) for offset in range(0, 1_000, 2))
    found = counted(LOGS, look(0, 10_000), look(0, 10_000), Sample(0, 1_000, messages), {})
    assert (found.messages, found.exact, found.seconds) == (5_000, False, 30.0)


def test_a_log_that_ends_before_what_was_committed_says_by_how_much() -> None:
    found = counted(LOGS, look(1_000, 40), look(1_000, 50), Sample(1_000, 1_000, ()), {})
    assert (found.messages, found.beyond) == (0, 950)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Look, Look, list[Waiting], int]:
    """A log of messages and markers in between, and how far it was read and written at two moments."""
    kinds = draw(st.lists(st.booleans(), max_size=60))
    base = draw(st.integers(0, 1_000))
    log = [Waiting(base + n, NOW - 1_000 * (len(kinds) - n)) for n, kind in enumerate(kinds) if kind]
    ends = sorted(draw(st.integers(0, len(kinds))) for _ in range(2))
    positions = sorted(draw(st.integers(0, ends[1])) for _ in range(2))
    before = look(base + min(positions[0], ends[0]), base + ends[0], NOW - 5_000)
    after = look(base + positions[1], base + ends[1])
    return before, after, log, draw(st.integers(1, 80))


@given(partitions())
def test_a_whole_sample_counts_what_waits_and_what_was_read_exactly(
    case: tuple[Look, Look, list[Waiting], int],
) -> None:
    before, after, log, longest = case
    offsets, earlier = after.partitions[LOGS], before.partitions[LOGS]
    start = start_of_sample(earlier, offsets, longest)
    assert start in (earlier.position, offsets.position)
    sample = Sample(start, offsets.end, tuple(each for each in log if start <= each.offset < offsets.end))
    found = counted(LOGS, before, after, sample, {})
    waiting = [each for each in log if offsets.position <= each.offset < offsets.end]
    assert found.messages == len(waiting)
    assert found.seconds == ((NOW - waiting[0].time_ms) / 1000 if waiting else 0.0)
    if start == earlier.position:
        read = sum(earlier.position <= each.offset < offsets.position for each in log)
        assert found.read_rate == read / 5.0


@given(partitions(), st.integers(0, 60))
def test_a_part_of_a_sample_never_says_more_than_the_offsets_there_are(
    case: tuple[Look, Look, list[Waiting], int], covered: int
) -> None:
    before, after, log, _ = case
    offsets = after.partitions[LOGS]
    upto = min(offsets.end, offsets.position + covered)
    sample = Sample(offsets.position, upto, tuple(m for m in log if offsets.position <= m.offset < upto))
    found = counted(LOGS, before, after, sample, {})
    assert 0 <= found.messages <= offsets.end - offsets.position
    assert found.exact == (upto >= offsets.end)
    assert found.seconds >= 0
    assert found.read_rate >= 0
    assert found.written_rate >= 0
