"""What is said of a group: behind or not, when it has caught up, how many replicas its partitions allow."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from topics.lag.counting import PartitionLag
from topics.lag.group import GroupLag
from topics.lag.judgement import judged
from topics.lag.readers import READERS

SINK, STATE = (next(each for each in READERS if each.group == name) for name in ("sink", "state"))


def waits(
    messages: int, seconds: float = 0.0, *, number: int = 0, read: float = 0.0, written: float = 0.0
) -> PartitionLag:
    return PartitionLag("logs", number, messages, seconds, 0, True, read, written)


def sink(partitions: Sequence[PartitionLag], members: int = 1) -> GroupLag:
    return judged(SINK, "local.sink", members, 0, partitions, behind_seconds=60)


def state(*partitions: PartitionLag, members: int = 1, idle: int = 0) -> GroupLag:
    return judged(STATE, "local.state", members, idle, partitions, behind_seconds=60)


def test_a_group_that_has_read_everything_keeps_up() -> None:
    found = sink([waits(0, number=n) for n in range(12)])
    assert (found.behind, found.catch_up_seconds, found.hottest, found.replicas) == (False, 0.0, None, 1)
    assert found.advice == "keeps up. Replicas help up to 12, its partitions."


def test_messages_that_nobody_reads_are_lag_however_young() -> None:
    found = sink([waits(3, 1.0)], members=0)
    assert found.behind
    assert "3 messages wait and nobody reads: start a replica of sink" in found.advice
    assert not sink([waits(0)], members=0).behind


def test_a_sink_that_does_not_follow_is_told_how_many_replicas_do() -> None:
    behind = [waits(50_000, 600, number=n, read=50, written=75) for n in range(12)]
    found = sink(behind, members=1)
    # 900 a second come and 2,000 a second more would be read: one reads 600.
    assert (found.catch_up_seconds, found.replicas, found.most) == (None, 5, 12)
    assert found.advice == "5 replicas are called for. Replicas help up to 12, its partitions."


def test_no_more_replicas_than_partitions_are_called_for() -> None:
    found = sink([waits(1_000_000, 600, number=n, read=1, written=75) for n in range(4)], members=4)
    assert (found.replicas, found.most) == (4, 4)
    assert "as many replicas as help" in found.advice


def test_one_hot_partition_is_one_replicas_and_said_so() -> None:
    lags = [waits(90_000, 600, number=7, read=10, written=20), waits(10, 1, number=8, read=10, written=10)]
    found = sink(lags, members=1)
    assert found.hottest is lags[0]
    assert "Most of it waits in logs[7], which one replica alone reads" in found.advice


def test_lag_that_shrinks_fast_enough_needs_nothing() -> None:
    found = sink([waits(1_000, 100, read=110, written=10)])
    assert (found.behind, found.catch_up_seconds, found.replicas) == (True, 10.0, 1)
    assert found.advice.startswith("catches up by itself.")


def test_a_group_whose_offsets_stand_still_is_not_mended_by_replicas() -> None:
    found = sink([waits(1_000, 100, written=10)])
    assert found.advice.startswith("no offset moves: see the log and /readyz of sink")


def test_fast_partitions_do_not_catch_up_for_a_slow_one() -> None:
    fast = [waits(1_000, 70, number=n, read=1_000, written=900) for n in range(1, 4)]
    found = sink([waits(50_000, 400, read=10, written=50), *fast], members=4)
    assert found.catch_up_seconds is None
    assert "catches up" not in found.advice
    assert "Most of it waits in logs[0]" in found.advice
    found = sink([waits(50_000, 400, read=60, written=50), *fast], members=4)
    assert found.catch_up_seconds == 5_000


def test_the_partition_that_stands_still_among_others_is_named() -> None:
    found = sink([waits(900, 400, written=1), *(waits(1_000, 70, number=n, read=99) for n in (1, 2))])
    assert found.advice.startswith("no offset of logs[0] moves: see the log and /readyz of sink")


def test_a_group_that_rebalances_has_readers() -> None:
    partitions = [waits(1_000, 5.0, number=n, written=100) for n in range(12)]
    found = judged(SINK, "local.sink", 0, 4, partitions, behind_seconds=60)
    assert not found.behind
    assert found.advice.startswith("12000 messages wait and none of its 4 members has a partition")
    assert judged(SINK, "local.sink", 0, 4, [waits(1, 61)], behind_seconds=60).behind


def test_a_group_without_partitions_that_has_read_everything_keeps_up() -> None:
    assert judged(SINK, "local.sink", 0, 2, [waits(0)], behind_seconds=60).advice.startswith("keeps up")


def test_a_topic_made_anew_is_behind_though_nothing_waits() -> None:
    found = sink([PartitionLag("logs", 3, 0, 0.0, 0, True, 0.0, 3.3, beyond=950)])
    assert (found.behind, found.catch_up_seconds) == (True, None)
    assert found.advice.startswith("logs[3] ends 950 messages before what the group has committed")


@pytest.mark.parametrize("idle", [0, 1, 2])
def test_a_live_stage_is_one_active_and_one_standby_whatever_waits(idle: int) -> None:
    found = state(waits(10_000, 900, read=5, written=10), idle=idle)
    assert (found.replicas, found.most) == (2, 2)
    assert (
        "One partition per chain: one active replica and one standby, and a third does nothing"
        in found.advice
    )
    assert ("None stands by now" in found.advice) == (idle == 0)
    assert "replicas are called for" not in found.advice


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=12),
    st.integers(0, 20),
)
@example([(1, 2.2e-308, 1.0)], 4)
@example([(1, 5e-324, 1.0)], 20)
def test_what_is_called_for_lies_between_what_is_there_and_what_has_partitions(
    lags: list[tuple[int, float, float]], members: int
) -> None:
    partitions = [
        waits(messages, 100.0 if messages else 0.0, number=n, read=read, written=written)
        for n, (messages, read, written) in enumerate(lags)
    ]
    found = sink(partitions, members)
    assert 1 <= found.replicas <= found.most == len(partitions)
    assert found.replicas >= min(max(members, 1), found.most)
    assert found.behind == any(each.messages for each in partitions)
    one_never = any(each.messages and each.read_rate <= each.written_rate for each in partitions)
    together = found.messages > 0 and found.read_rate <= found.written_rate
    assert (found.catch_up_seconds is None) == (one_never or together)
    assert found.messages == sum(each.messages for each in partitions)
