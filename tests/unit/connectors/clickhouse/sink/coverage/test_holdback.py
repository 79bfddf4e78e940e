"""Blocks are held back until every partition has passed their offsets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.sink.coverage.holdback import Held, Holdback
from connectors.clickhouse.sink.messages import Partition
from tests.fakes.kafka import FakeMessage

LOGS, BLOCKS = Partition("logs", 0), Partition("blocks", 1)
COVERAGE, OTHER = Partition("coverage", 0), Partition("coverage", 1)


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
