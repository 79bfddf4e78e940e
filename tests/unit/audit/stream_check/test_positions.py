"""Where a check begins: by time, from the very beginning, and where retention has cut the front."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from audit.stream_check.algebra.fronts import Front, Fronts
from audit.stream_check.algebra.record import Partition, Record, StreamPosition
from audit.stream_check.offsets import At
from audit.stream_check.positions import TRANSACTION_MS, beginning

HOUR = 3_600_000
BLOCKS, LOGS, IDLE = ("blocks", 0), ("logs", 0), ("logs", 1)


class Topics:
    """Partitions as (first offset, times of the messages that are left)."""

    def __init__(self, partitions: Mapping[Partition, tuple[int, list[int]]]) -> None:
        self.partitions = partitions

    def earliest(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        return {each: self.partitions[each][0] for each in partitions}

    def end_offsets(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        return {
            each: low + len(times) for each, (low, times) in self.partitions.items() if each in partitions
        }

    def at(self, partitions: Collection[Partition], time_ms: int) -> dict[Partition, At]:
        found: dict[Partition, At] = {}
        for each in partitions:
            low, times = self.partitions[each]
            later = [At(low + n, time) for n, time in enumerate(times) if time >= time_ms]
            found[each] = later[0] if later else At(-1, -1)
        return found


def event(time_ms: int, sequence: int = 7) -> Record:
    position = StreamPosition("blocks", 0, 1)
    return Record(
        position, time_ms, b"7", b"7", b"", b"", 7, b"", sequence, removed=False, content=1, summary=None
    )


def no_sequence(partition: Partition) -> int | None:
    return None


def test_all_of_topics_that_have_lost_nothing_has_nothing_before_it() -> None:
    begin = beginning(Topics({BLOCKS: (0, [1, 2]), LOGS: (0, [])}), [BLOCKS, LOGS], since_ms=None, now_ms=9)
    assert begin.start_offsets == {BLOCKS: 0, LOGS: 0}
    assert begin.fronts == {}
    assert begin.asked.since_ms == begin.asked.linked_from_ms == -math.inf


def test_a_time_is_led_up_to_by_two_transactions() -> None:
    times = [n * 30_000 for n in range(1_000)]
    topics = Topics({BLOCKS: (0, times), LOGS: (0, times), IDLE: (0, [5])})
    begin = beginning(topics, [BLOCKS, LOGS, IDLE], since_ms=HOUR, now_ms=2 * HOUR)
    assert times[begin.start_offsets[BLOCKS]] == HOUR - 2 * TRANSACTION_MS
    assert begin.start_offsets[IDLE] == 1
    assert begin.fronts[LOGS] == Front(begin.start_offsets[LOGS], HOUR - TRANSACTION_MS)
    assert begin.asked.linked_from_ms == HOUR - TRANSACTION_MS
    assert begin.asked.since_ms == HOUR
    assert not Fronts(begin.fronts).hides([BLOCKS, LOGS, IDLE], event(HOUR), no_sequence)


def test_where_retention_has_cut_only_what_follows_is_certain() -> None:
    topics = Topics({BLOCKS: (50, [HOUR]), LOGS: (0, [1]), IDLE: (9, [])})
    begin = beginning(topics, [BLOCKS, LOGS, IDLE], since_ms=None, now_ms=2 * HOUR)
    assert begin.fronts == {BLOCKS: Front(50, HOUR + TRANSACTION_MS), IDLE: Front(9, math.inf)}
    fronts = Fronts(begin.fronts)
    late = event(5 * HOUR)
    assert fronts.hides([LOGS, IDLE], late, no_sequence)
    assert not fronts.hides([LOGS, IDLE], late, no_sequence, {LOGS: 1})
    assert fronts.hides([IDLE], late, no_sequence, {IDLE: 9})


def test_what_may_be_a_repeat_of_what_lies_before_the_front_is_hidden_whatever_its_time() -> None:
    fronts = Fronts({LOGS: Front(9, HOUR)})
    begins = {LOGS: 7, IDLE: 7}.get
    assert fronts.hides([LOGS], event(2 * HOUR, sequence=7), begins)
    assert not fronts.hides([LOGS], event(2 * HOUR, sequence=8), begins)
    assert not fronts.hides([IDLE], event(2 * HOUR, sequence=7), begins)
