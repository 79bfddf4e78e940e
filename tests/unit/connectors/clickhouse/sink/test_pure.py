"""The sink's decisions: batching, bad rows, progress, holding blocks back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.sink.bisect import ALWAYS_ALLOWED, BadRowLimit, bisect
from connectors.clickhouse.sink.buffer import PACE_SECONDS, Buffer
from connectors.clickhouse.sink.coverage.holdback import Held, Holdback
from connectors.clickhouse.sink.messages import Partition, end_offsets, start_offsets
from connectors.clickhouse.sink.progress import OffsetTracker
from headwater.errors import Fatal, Permanent
from tests.fakes.sink import FakeMessage, messages

LOGS, BLOCKS = Partition("logs", 0), Partition("blocks", 1)
COVERAGE, OTHER = Partition("coverage", 0), Partition("coverage", 1)


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0))))))
def test_bisect_finds_exactly_the_bad_rows(case: tuple[int, set[int]]) -> None:
    count, bad = case[0], {row for row in case[1] if row < case[0]}
    good: list[int] = []
    found: list[int] = []

    def attempt(start: int, end: int) -> None:
        if bad & set(range(start, end)):
            raise Permanent("bad")
        good.extend(range(start, end))

    bisect(count, attempt, lambda row, _: found.append(row))
    assert found == sorted(bad)
    assert good == [row for row in range(count) if row not in bad]


def test_bisect_asks_seldom() -> None:
    asked = 0

    def attempt(start: int, end: int) -> None:
        nonlocal asked
        asked += 1
        if start <= 31_337 < end:
            raise Permanent("bad")

    bisect(50_000, attempt, lambda row, _: None)
    assert asked < 40


def test_a_few_bad_rows_never_stop_the_sink_and_many_do() -> None:
    limit = BadRowLimit("logs", 0.2)
    for _ in range(ALWAYS_ALLOWED):
        limit.check(1, 1, Permanent("bad"))
        limit.done(1, 1)
    with pytest.raises(Fatal, match="21 of the last 21 rows of logs cannot be stored, the last: worse"):
        limit.check(1, 1, Permanent("worse"))


def test_the_share_of_bad_rows_forgets_old_batches() -> None:
    limit = BadRowLimit("logs", 0.2)
    limit.done(10_000, 2_000)
    limit.check(10_000, 2_000, Permanent("bad"))
    with pytest.raises(Fatal):
        limit.check(10_000, 2_001, Permanent("bad"))
    limit.done(10_000, 0)
    limit.check(10_000, 2_000, Permanent("bad"))


def test_a_batch_goes_when_full_or_old_or_when_nothing_more_comes() -> None:
    buffer = Buffer(max_rows=3, max_seconds=1.0)
    assert not buffer.due(0.0, idle=True)
    buffer.add(messages(b"1", b"2"), 10.0)
    assert not buffer.due(10.5, idle=False)
    assert buffer.due(10.5, idle=True)
    assert buffer.due(11.0, idle=False)
    buffer.add(messages(b"3", b"4"), 10.6)
    assert buffer.due(10.6, idle=False)
    assert [message.value() for message in buffer.take(10.6)] == [b"1", b"2", b"3"]
    assert (len(buffer), buffer.size) == (1, 1)
    assert not buffer.due(10.6 + PACE_SECONDS / 2, idle=True)
    assert buffer.due(10.61 + PACE_SECONDS, idle=True)


def test_a_batch_is_bounded_in_bytes() -> None:
    buffer = Buffer(max_rows=100, max_seconds=1.0, max_bytes=10)
    buffer.add(messages(*[b"1234"] * 7), 0.0)
    assert [len(buffer.take(0.0)) for _ in range(4)] == [3, 3, 1, 0]
    assert buffer.size == 0


def test_a_buffer_drops_partitions_that_went_away() -> None:
    buffer = Buffer(max_rows=100, max_seconds=1.0)
    buffer.add([*messages(b"1", partition=0), *messages(b"22", partition=1)], 0.0)
    buffer.drop([Partition("logs", 0)])
    assert (len(buffer), buffer.size) == (1, 2)


def test_where_a_batch_starts_and_ends_in_each_partition() -> None:
    batch = [FakeMessage("logs", 0, 7), FakeMessage("logs", 1, 3), FakeMessage("logs", 0, 9)]
    assert start_offsets(batch) == {LOGS: 7, Partition("logs", 1): 3}
    assert end_offsets(batch) == {LOGS: 10, Partition("logs", 1): 4}
    assert (start_offsets([]), end_offsets([])) == ({}, {})


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


def held(
    offset: int,
    sequence: int,
    *needs: tuple[Partition, int],
    partition: Partition = COVERAGE,
    number: int = 1,
) -> Held:
    message = FakeMessage(partition.topic, partition.number, offset)
    return Held(message, partition, offset, (1, number, b"%d" % number), sequence, needs)


def test_a_block_waits_for_each_of_its_partitions() -> None:
    holdback = Holdback()
    holdback.advance({BLOCKS: 3})
    block = held(0, 10, (LOGS, 5), (BLOCKS, 3))
    holdback.add(block)
    assert (holdback.ready(), holdback.wanted()) == ([], {LOGS})
    holdback.advance({LOGS: 4})
    assert holdback.ready() == []
    holdback.advance({LOGS: 5})
    assert (holdback.ready(), holdback.wanted()) == ([block], set())
    holdback.done([block])
    assert (holdback.ready(), len(holdback), holdback.counts()) == ([], 0, {})


def test_ready_blocks_come_in_the_order_of_the_chain() -> None:
    holdback = Holdback()
    later, earlier = held(0, 12, number=2), held(0, 11, partition=OTHER)
    holdback.add(later)
    holdback.add(earlier)
    assert holdback.ready() == [earlier, later]


def test_a_revert_drops_the_older_application_only() -> None:
    holdback = Holdback()
    old, again = held(0, 10, (LOGS, 5)), held(1, 12, (LOGS, 9))
    holdback.add(old)
    holdback.add(again)
    assert holdback.retract(old.block, 11) == [old]
    holdback.advance({LOGS: 9})
    assert holdback.ready() == [again]


def test_a_message_read_again_takes_its_own_place() -> None:
    holdback = Holdback()
    holdback.add(held(0, 10, (LOGS, 5)))
    again = held(0, 10, (LOGS, 5))
    holdback.add(again)
    assert len(holdback) == 1
    holdback.advance({LOGS: 5})
    assert holdback.ready() == [again]


def test_partitions_that_went_away_are_forgotten() -> None:
    holdback = Holdback()
    mine, gone = held(0, 10, (LOGS, 5)), held(0, 11, (LOGS, 5), partition=OTHER, number=2)
    holdback.add(mine)
    holdback.add(gone)
    holdback.forget([OTHER])
    holdback.advance({LOGS: 5})
    assert holdback.ready() == [mine]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([LOGS, BLOCKS, OTHER]), st.integers(1, 6)), max_size=4), max_size=8
    ),
    st.lists(st.tuples(st.sampled_from([LOGS, BLOCKS, OTHER]), st.integers(1, 6)), max_size=12),
    st.integers(0, 12),
)
def test_ready_is_what_the_positions_allow(
    needs: list[list[tuple[Partition, int]]], moves: list[tuple[Partition, int]], split: int
) -> None:
    holdback = Holdback()
    positions: dict[Partition, int] = {}
    blocks = [held(n, n, *each, number=n) for n, each in enumerate(needs)]
    for number, (partition, position) in enumerate(moves):
        if number == split:
            for block in blocks:
                holdback.add(block)
        holdback.advance({partition: position})
        positions[partition] = max(positions.get(partition, 0), position)
    if split >= len(moves):
        for block in blocks:
            holdback.add(block)
    allowed = [b for b in blocks if all(positions.get(p, 0) >= n for p, n in b.needs)]
    assert holdback.ready() == allowed
